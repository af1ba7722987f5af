"""Steps of optimizers on the NumPy reference, for the contract suite of optimizers."""

from collections.abc import Mapping

import numpy as np

from gmcore.domain import Tree
from gmcore.domain.tree import tree_flatten, tree_map
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Optimizer

__all__ = [
    "MEMBERS",
    "Settings",
    "descend",
    "drawn_gradients",
    "equal",
    "member_of",
    "one_step",
    "planned",
    "quadratic",
    "signature",
    "spoilt",
    "start_params",
]

MEMBERS = 3

Settings = Mapping[str, np.ndarray]
"""Settings of the members by name, `(members,)` each."""


def start_params(dtype: str = "float64") -> Tree:
    """Return parameters of three members, in leaves of one to three axes, at different depths."""
    rng = np.random.default_rng(2)

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(size=(MEMBERS, *shape)).astype(dtype)

    return {"first": {"weight": drawn(2, 4), "bias": drawn(4)}, "scale": drawn()}


def drawn_gradients(step: int, dtype: str = "float64") -> Tree:
    """Return random gradients, the same for equal steps."""
    rng = np.random.default_rng((5, step))
    drawn: Tree = tree_map(lambda leaf: rng.normal(size=leaf.shape).astype(dtype), start_params())
    return drawn


def descend(
    optimizer: Optimizer, settings: Settings, dtype: str = "float64", *, steps: int = 4, members: slice = slice(None)
) -> tuple[Tree, Tree]:
    """Return parameters and state after steps that all of the members take."""

    def some(tree: Tree) -> Tree:
        picked: Tree = tree_map(lambda leaf: leaf[members], tree)
        return picked

    taken, mine, start = np.ones(MEMBERS, bool)[members], dict(some(settings)), some(start_params(dtype))
    found: tuple[Tree, Tree] = start, optimizer.init(start, xp=NumPyNamespace(dtype))
    for step in range(1, steps + 1):
        found = one_step(optimizer, mine, some(drawn_gradients(step, dtype)), found, step, taken, dtype)
    return found


def one_step(
    optimizer: Optimizer,
    settings: Settings,
    gradients: Tree,
    found: tuple[Tree, Tree],
    step: int,
    taken: np.ndarray,
    dtype: str = "float64",
) -> tuple[Tree, Tree]:
    """Return parameters and state after step number `step`."""
    params, state = found
    now = planned(optimizer, settings, step, len(taken), dtype)
    return optimizer.update(gradients, state, params, coefficients=now, taken=taken, xp=NumPyNamespace(dtype))


def planned(
    optimizer: Optimizer, settings: Settings, step: int, members: int, dtype: str = "float64"
) -> dict[str, np.ndarray]:
    """Return the coefficients of step number `step`, `(members,)` each."""
    coefficients = optimizer.coefficients(np.full((1, members), float(step)), settings)
    return {name: np.asarray(values[0], dtype) for name, values in coefficients.items()}


def quadratic(curvature: Tree, params: Tree) -> np.ndarray:
    """Return the sum of `curvature * (parameter - 3)**2 / 2` over each member's parameters, `(members,)`."""
    scales, leaves = tree_flatten(curvature), tree_flatten(params)
    total = np.zeros(len(next(iter(leaves.values()))))
    for path, leaf in leaves.items():
        total += (scales[path] * (leaf - 3.0) ** 2 / 2).reshape(len(leaf), -1).sum(axis=1)
    return total


def spoilt(gradients: Tree, taken: np.ndarray, value: float) -> Tree:
    """Return the gradients with `value` in all places of the members that do not take the step."""

    def spoil(leaf: np.ndarray) -> np.ndarray:
        return np.where(taken.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, value)

    changed: Tree = tree_map(spoil, gradients)
    return changed


def member_of(tree: Tree, member: int) -> Tree:
    """Return the leaves of one member."""
    one: Tree = tree_map(lambda leaf: leaf[member], tree)
    return one


def signature(tree: Tree) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return the shape and dtype of each leaf by its path."""
    return {path: (leaf.shape, leaf.dtype) for path, leaf in tree_flatten(tree).items()}


def equal(one: Tree, other: Tree) -> bool:
    """Return whether two trees have the same leaves, to the bit."""
    first, second = tree_flatten(one), tree_flatten(other)
    return first.keys() == second.keys() and all(
        np.array_equal(leaf, second[path], equal_nan=True) for path, leaf in first.items()
    )
