"""Checks of optimizers that evaluate the loss several times in a step."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable

import numpy as np

from gmcore.domain import Tree
from gmcore.domain.tree import tree_flatten, tree_map
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Evaluation, Optimizer, SupportsEvaluations
from gmcore.testing.optimizer_checks.steps import (
    MEMBERS,
    Settings,
    drawn_gradients,
    equal,
    member_of,
    planned,
    quadratic,
    signature,
    spoilt,
    start_params,
)

__all__ = [
    "assert_evaluations_lower_the_loss",
    "assert_evaluations_of_members_are_their_own",
    "assert_evaluations_respect_the_mask",
]

_STEPS = 5
_TOO_HIGH = 50.0
_RELATIVE = 1e-10
# The curvatures of the first member are far larger, so that it needs shorter steps than the others.
_STEEPER = np.array([1e3, 1.0, 0.1])


def assert_evaluations_respect_the_mask(optimizer: Optimizer, settings: Settings) -> None:
    """Check that members that do not take a step stay, and that they have no effect on those that do."""
    taken, everyone = np.array([True, False, True]), np.ones(MEMBERS, bool)
    for steps in (0, 3):
        before = _minimized(optimizer, settings, steps)
        expected = _one_step(optimizer, settings, before, steps + 1, everyone)
        for value in (1.0, np.nan, np.inf, -np.inf):
            evaluate = _spoilt(_evaluations(_curvature()), taken, value)
            after = _one_step(optimizer, settings, before, steps + 1, taken, evaluate)
            for new, old, stepped in zip(after, before, expected, strict=True):
                assert equal(member_of(new, 1), member_of(old, 1)), f"moved by losses of {value}"
                for member in (0, 2):
                    assert equal(member_of(new, member), member_of(stepped, member)), f"member {member} differs"
            assert not equal(member_of(after[0], 0), member_of(before[0], 0)), "a member that takes the step stays"


def assert_evaluations_of_members_are_their_own(optimizer: Optimizer, settings: Settings) -> None:
    """Check that members get the same numbers alone as together, at learning rates that are too high for some."""
    settings = {**settings, "learning_rate": _TOO_HIGH * settings["learning_rate"]}
    fleet = _minimized(optimizer, settings, _STEPS)
    for member in range(MEMBERS):
        alone = _minimized(optimizer, settings, _STEPS, slice(member, member + 1))
        for found, expected in zip(alone, fleet, strict=True):
            flat = tree_flatten(member_of(expected, member))
            for path, leaf in tree_flatten(member_of(found, 0)).items():
                same = np.allclose(leaf, flat[path], rtol=_RELATIVE, atol=_RELATIVE, equal_nan=True)
                assert same, f"{path} of member {member}"


def assert_evaluations_lower_the_loss(optimizer: Optimizer, dtype: str) -> None:
    """Check that the losses of a quadratic fall, and that parameters and state keep their shapes and dtypes."""
    settings = {name: np.full(MEMBERS, value) for name, value in optimizer.settings.items()}
    settings["learning_rate"] = np.full(MEMBERS, 1e-3)
    start, curvature = start_params(dtype), tree_map(np.abs, drawn_gradients(1, dtype))
    found: tuple[Tree, Tree] = start, optimizer.init(start, xp=NumPyNamespace(dtype))
    fresh, losses = signature(found[1]), [quadratic(curvature, start)]
    for step in range(1, 51):
        evaluate = _evaluations(curvature)
        found = _one_step(optimizer, settings, found, step, np.ones(MEMBERS, bool), evaluate, dtype)
        losses.append(quadratic(curvature, found[0]))
    assert (losses[1] < losses[0]).all(), f"{dtype}: from {losses[0]} to {losses[1]}"
    assert (losses[-1] < losses[1]).all(), f"{dtype}: from {losses[1]} to {losses[-1]}"
    assert signature(found[0]) == signature(start)
    assert signature(found[1]) == fresh


Evaluate = Callable[[Tree], Evaluation]


def _curvature() -> Tree:
    def scaled(leaf: np.ndarray) -> np.ndarray:
        steeper: np.ndarray = np.abs(leaf) * _STEEPER.reshape(-1, *[1] * (leaf.ndim - 1))
        return steeper

    curvature: Tree = tree_map(scaled, drawn_gradients(1))
    return curvature


def _evaluations(curvature: Tree) -> Evaluate:
    """Return a function of parameters that evaluates a quadratic with its minimum at 3."""

    def evaluate(params: Tree) -> Evaluation:
        gradients: Tree = tree_map(lambda scale, leaf: scale * (leaf - leaf.dtype.type(3)), curvature, params)
        losses = quadratic(curvature, params)
        return Evaluation(losses.astype(next(iter(tree_flatten(params).values())).dtype), gradients)

    return evaluate


def _spoilt(evaluate: Evaluate, taken: np.ndarray, value: float) -> Evaluate:
    """Return evaluations with `value` in place of the numbers of the members that do not take the step."""

    def spoil(params: Tree) -> Evaluation:
        whole = evaluate(params)
        return Evaluation(np.where(taken, whole.losses, value), spoilt(whole.gradients, taken, value))

    return spoil


def _minimized(optimizer: Optimizer, settings: Settings, steps: int, members: slice = slice(None)) -> tuple[Tree, Tree]:
    """Return parameters and state after steps that all of the members take."""

    def some(tree: Tree) -> Tree:
        picked: Tree = tree_map(lambda leaf: leaf[members], tree)
        return picked

    start, mine = some(start_params()), dict(some(dict(settings)))
    evaluate, taken = _evaluations(some(_curvature())), np.ones(MEMBERS, bool)[members]
    found: tuple[Tree, Tree] = start, optimizer.init(start, xp=NumPyNamespace())
    for step in range(1, steps + 1):
        found = _one_step(optimizer, mine, found, step, taken, evaluate)
    return found


def _one_step(
    optimizer: Optimizer,
    settings: Settings,
    found: tuple[Tree, Tree],
    step: int,
    taken: np.ndarray,
    evaluate: Evaluate | None = None,
    dtype: str = "float64",
) -> tuple[Tree, Tree]:
    assert isinstance(optimizer, SupportsEvaluations)
    params, state = found
    evaluate = evaluate or _evaluations(_curvature())
    now = planned(optimizer, settings, step, len(taken), dtype)
    with np.errstate(all="ignore"):
        return optimizer.minimize(
            evaluate, evaluate(params), state, params, coefficients=now, taken=taken, xp=NumPyNamespace(dtype)
        )
