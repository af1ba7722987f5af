"""Passes of a model on the reference and on backends, for the contract suite of models."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import attrs
import numpy as np

from gmcore.domain import Array, Rows, Tree, Variables
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, Model, Namespace, Pass, SupportsUpdate

__all__ = ["adapted", "fleet_numbers", "numbers_of", "same_leaves", "shapes_of", "slopes", "training_pass", "tree_of"]

T = TypeVar("T")


def adapted(model: Model, rows: Rows, variables: Variables | None = None) -> Variables:
    """Return variables, or fresh ones, adapted to rows."""
    fresh = model.init(np.random.default_rng(0)) if variables is None else variables
    return model.adapt(fresh, rows, rng=np.random.default_rng(2))


def training_pass(model: Model, variables: Variables, rows: Rows, at: Pass) -> tuple[Array, Tree]:
    """Return the outputs of a training pass and the buffers after it."""
    if model.info.stateful:
        assert isinstance(model, SupportsUpdate)
        return model.update(variables, rows.inputs, at)
    return model.apply(variables, rows.inputs, at), variables.buffers


def tree_of(variables: Variables) -> Tree:
    """Return all variables as one tree."""
    return attrs.asdict(variables, recurse=False)


def same_leaves(tree: Tree, other: Tree) -> bool:
    """Return whether two trees have the same leaves, to the bit."""
    one, two = tree_flatten(tree), tree_flatten(other)
    return one.keys() == two.keys() and all(np.array_equal(one[path], two[path], equal_nan=True) for path in one)


def shapes_of(variables: Variables) -> dict[str, tuple[tuple[int, ...], np.dtype[np.generic]]]:
    """Return the shape and dtype of each leaf by its path."""
    return {path: (leaf.shape, leaf.dtype) for path, leaf in tree_flatten(tree_of(variables)).items()}


def _as(tree: T, dtype: str) -> T:
    return tree_map(lambda leaf: leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf, tree)


def _forward(model: Model, xp: Namespace) -> Callable[..., tuple[Array, Array, Array]]:
    def forward(
        params: Tree, buffers: Tree, shared: Tree, inputs: Mapping[str, Array], targets: Array
    ) -> tuple[Array, Array, Array]:
        known = Variables(params, buffers, shared)
        at = Pass(xp=xp)
        outputs = model.apply(known, inputs, at)
        return outputs, model.loss(known, outputs, targets, at), model.predict(known, outputs, xp=xp)

    return forward


def numbers_of(model: Model, variables: Variables, rows: Rows, dtype: str = "float64") -> tuple[Array, Array, Array]:
    """Return outputs, losses and predictions, computed by the reference."""
    known = (variables.params, variables.buffers, variables.shared, rows.inputs, rows.targets)
    return _forward(model, NumPyNamespace(dtype))(*(_as(tree, dtype) for tree in known))


def fleet_numbers(backend: Backend, model: Model, members: Sequence[Variables], rows: Rows) -> tuple[np.ndarray, ...]:
    """Return outputs, losses and predictions of all members, computed by a backend at once."""
    held = _stack([one.params for one in members]), _stack([one.buffers for one in members])
    fleet = backend.compile(backend.vmap(_forward(model, backend.xp), (0, 0, None, None, None)), loops=True)
    args = backend.asarray((*held, members[0].shared, rows.inputs, rows.targets))
    found: tuple[np.ndarray, ...] = backend.to_numpy(fleet(*args))
    return found


def _stack(trees: Sequence[Tree]) -> Tree:
    return tree_map(lambda *leaves: np.stack(leaves), *trees)


def slopes(backend: Backend, model: Model, variables: Variables, rows: Rows) -> tuple[float, float]:
    """Return the derivative of the mean loss in a random direction, by a backend and as a central difference."""
    rng = np.random.default_rng(5)
    direction = tree_map(lambda leaf: rng.normal(size=leaf.shape), variables.params)

    def mean_loss(
        params: Tree, buffers: Tree, shared: Tree, inputs: Mapping[str, Array], targets: Array
    ) -> tuple[Array, Array]:
        _, losses, _ = _forward(model, backend.xp)(params, buffers, shared, inputs, targets)
        return backend.xp.mean(losses), losses

    # `loops=True` avoids the slow compiler that a backend may use for functions without loops.
    gradient_of = backend.compile(backend.value_and_grad(mean_loss), loops=True)
    args = backend.asarray((variables.params, variables.buffers, variables.shared, rows.inputs, rows.targets))
    gradient = backend.to_numpy(gradient_of(*args)[1])
    found = sum(float(np.sum(leaf)) for leaf in tree_leaves(tree_map(np.multiply, gradient, direction)))

    def moved(step: float) -> float:
        params = tree_map(lambda leaf, d: leaf + step * d, variables.params, direction)
        return float(np.mean(numbers_of(model, attrs.evolve(variables, params=params), rows)[1]))

    return found, (moved(1e-6) - moved(-1e-6)) / 2e-6
