"""Contract suite for optimizers."""

# ruff: noqa: S101 - the asserts are the checks

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from gmcore.domain import Tree
from gmcore.domain.tree import tree_flatten, tree_map
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Optimizer

__all__ = ["OptimizerContract"]

_DTYPES = ("float32", "float64")
_MEMBERS = 3
# A sum over one member's leaf may add in another order in a fleet: a few roundings of float64.
_RELATIVE = 1e-12
# Vectorised `exp` and `log` may differ in the last bit between array sizes.
_COEFFICIENTS_RELATIVE = 1e-14

Settings = Mapping[str, np.ndarray]


class OptimizerContract(ABC):
    """Checks for an optimizer; subclass it as `TestYours` in a test module, and pytest runs them.

    All checks run on the NumPy reference, without a backend.
    """

    @abstractmethod
    def optimizer(self) -> Optimizer:
        """Return a new optimizer, equal every time."""

    def settings(self) -> Settings:
        """Return settings of three members that differ, `(3,)` each; override if these values are out of range."""
        shares = np.array([1.0, 0.5, 0.25])
        return {name: shares * (value or 0.1) for name, value in self.optimizer().settings.items()}

    def test_it_is_an_optimizer(self) -> None:
        """It subclasses the port or has all of its methods."""
        assert isinstance(self.optimizer(), Optimizer)

    def test_its_settings_are_finite_numbers_with_a_learning_rate(self) -> None:
        """Each is a Python float, and `"learning_rate"` is one of them, or schedules would have no effect."""
        settings = self.optimizer().settings
        assert "learning_rate" in settings, sorted(settings)
        assert all(type(name) is str and type(value) is float for name, value in settings.items()), settings
        assert np.isfinite(list(settings.values())).all(), settings

    def test_every_setting_has_an_effect(self) -> None:
        """Another value of any setting gives other parameters after four steps."""
        optimizer, settings = self.optimizer(), self.settings()
        params, _ = _descend(optimizer, settings)
        for name in settings:
            other, _ = _descend(optimizer, {**settings, name: settings[name] / 2})
            for member in range(_MEMBERS):
                assert not _equal(_member(params, member), _member(other, member)), f"{name} has no effect"

    def test_coefficients_have_the_shape_of_the_steps_and_are_finite(self) -> None:
        """For settings per member, per step or for all, early and late in training, also at a learning rate of 0."""
        optimizer, settings = self.optimizer(), self.settings()
        step = np.array([1.0, 2.0, 1e3, 1e7])[:, None] + np.zeros(_MEMBERS)
        scheduled = np.array([1.0, 0.5, 0.1, 0.0])[:, None] * settings["learning_rate"]
        cases = (
            settings,
            {name: values[:1] for name, values in settings.items()},
            {name: values[0] for name, values in settings.items()},
            {**settings, "learning_rate": scheduled},
        )
        for case in cases:
            for name, values in optimizer.coefficients(step, case).items():
                assert isinstance(values, np.ndarray), f"{name} is {type(values).__name__}"
                assert values.shape == step.shape, f"{name} has shape {values.shape}, not {step.shape}"
                assert np.isfinite(values).all(), f"{name}: {values}"

    def test_coefficients_depend_on_the_step_and_the_settings_alone(self) -> None:
        """So a resumed run, or a member in another chunk, gets the same ones: whole, one by one, and again."""
        optimizer, settings = self.optimizer(), self.settings()
        step = np.arange(1.0, 6.0)[:, None] + np.array([0.0, 10.0, 200.0])
        whole = optimizer.coefficients(step, settings)
        for row in reversed(range(len(step))):
            for place in range(_MEMBERS):
                mine = {name: values[place : place + 1] for name, values in settings.items()}
                alone = self.optimizer().coefficients(step[row : row + 1, place : place + 1], mine)
                assert set(alone) == set(whole), f"{sorted(alone)}, not {sorted(whole)}"
                for name, values in alone.items():
                    expected = whole[name][row, place]
                    assert np.isclose(values.item(), expected, rtol=_COEFFICIENTS_RELATIVE, atol=0), name
        again = optimizer.coefficients(step, settings)
        assert all(np.array_equal(again[name], whole[name]) for name in whole)

    def test_state_and_parameters_keep_their_shapes_and_dtype(self) -> None:
        """In float32 and float64, so that steps can be compiled as one loop; every leaf has the members first."""
        for dtype in _DTYPES:
            optimizer, start = self.optimizer(), _start(dtype)
            fresh = optimizer.init(start, xp=NumPyNamespace(dtype))
            for steps in (1, 4):
                params, state = _descend(optimizer, self.settings(), dtype, steps=steps)
                assert _signature(params) == _signature(start)
                assert _signature(state) == _signature(fresh)
            for path, leaf in tree_flatten(fresh).items():
                assert leaf.shape[:1] == (_MEMBERS,), f"{path} has shape {leaf.shape}, without the members"
                assert leaf.dtype.kind != "f" or leaf.dtype == dtype, f"{path} is {leaf.dtype}, not {dtype}"

    def test_nothing_is_changed_in_place(self) -> None:
        """Gradients, state, parameters, coefficients and settings stay as they were."""
        optimizer, settings, xp = self.optimizer(), self.settings(), NumPyNamespace()
        step = np.full((1, _MEMBERS), 2.0)
        planned = {name: values.copy() for name, values in optimizer.coefficients(step, settings).items()}
        assert _equal(settings, self.settings())
        assert (step == 2.0).all()  # noqa: PLR2004 - as above
        start = _start()
        state = optimizer.init(start, xp=xp)
        now, taken = {name: values[0] for name, values in planned.items()}, np.array([True, False, True])
        gradients = _gradients(0)
        given = {"gradients": gradients, "state": state, "params": start, "coefficients": now, "taken": taken}
        before = copy.deepcopy(given)
        optimizer.update(gradients, state, start, coefficients=now, taken=taken, xp=xp)
        for name, value in given.items():
            assert _equal({name: value}, {name: before[name]}), f"{name} changed in place"

    def test_the_same_steps_give_the_same_numbers_again(self) -> None:
        """By the same instance and by another: everything that is remembered is in the state."""
        optimizer, settings = self.optimizer(), self.settings()
        first = _descend(optimizer, settings)
        for other in (optimizer, self.optimizer()):
            again = _descend(other, settings)
            assert all(_equal(one, two) for one, two in zip(first, again, strict=True))

    def test_a_member_that_does_not_take_a_step_stays_as_it_was(self) -> None:
        """Parameters and state, at the first step and later, even if its gradients are NaN or infinite."""
        optimizer, settings, taken = self.optimizer(), self.settings(), np.array([True, False, True])
        for dtype in _DTYPES:
            for steps in (0, 4):
                before = _descend(optimizer, settings, dtype, steps=steps)
                for value in (1.0, np.nan, np.inf, -np.inf):
                    spoilt = _spoilt(_gradients(7, dtype), taken, value)
                    after = _step(optimizer, settings, spoilt, before, steps + 1, taken, dtype)
                    for new, old in zip(after, before, strict=True):
                        assert _equal(_member(new, 1), _member(old, 1)), f"moved by gradients of {value}"

    def test_the_others_take_the_step_as_if_all_did(self) -> None:
        """A member that does not take a step has no effect on those that do."""
        optimizer, settings, taken = self.optimizer(), self.settings(), np.array([True, False, True])
        before, gradients = _descend(optimizer, settings), _gradients(7)
        some = _step(optimizer, settings, _spoilt(gradients, taken, np.nan), before, 5, taken)
        everyone = _step(optimizer, settings, gradients, before, 5, np.ones(_MEMBERS, bool))
        for found, expected in zip(some, everyone, strict=True):
            for member in (0, 2):
                assert _equal(_member(found, member), _member(expected, member)), f"member {member}"
                assert not _equal(_member(some[0], member), _member(before[0], member)), f"member {member} stayed"

    def test_a_member_gets_the_same_numbers_alone_as_in_a_fleet(self) -> None:
        """No member depends on another's gradients, parameters or settings."""
        optimizer, settings = self.optimizer(), self.settings()
        fleet = _descend(optimizer, settings)
        for member in range(_MEMBERS):
            alone = _descend(optimizer, settings, members=slice(member, member + 1))
            for found, expected in zip(alone, fleet, strict=True):
                flat = tree_flatten(_member(expected, member))
                for path, leaf in tree_flatten(_member(found, 0)).items():
                    assert np.allclose(leaf, flat[path], rtol=_RELATIVE, atol=0), f"{path} of member {member}"

    def test_steps_go_downhill_on_a_quadratic(self) -> None:
        """The sum of `curvature * (parameter - 3)**2 / 2` falls at the first step, and further over the next 49."""
        optimizer, xp = self.optimizer(), NumPyNamespace()
        settings = {name: np.full(_MEMBERS, value) for name, value in optimizer.settings.items()}
        settings["learning_rate"] = np.full(_MEMBERS, 1e-3)
        curvature = tree_map(np.abs, _gradients(1))
        start = _start()
        found: tuple[Tree, Tree] = start, optimizer.init(start, xp=xp)
        losses = [_quadratic(curvature, start)]
        for step in range(1, 51):
            gradients = tree_map(lambda scale, leaf: scale * (leaf - 3.0), curvature, found[0])
            found = _step(optimizer, settings, gradients, found, step, np.ones(_MEMBERS, bool))
            losses.append(_quadratic(curvature, found[0]))
        assert (losses[1] < losses[0]).all(), f"from {losses[0]} to {losses[1]}"
        assert (losses[-1] < losses[1]).all(), f"from {losses[1]} to {losses[-1]}"


def _start(dtype: str = "float64") -> Tree:
    """Return parameters of three members, in leaves of one to three axes, at different depths."""
    rng = np.random.default_rng(2)

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(size=(_MEMBERS, *shape)).astype(dtype)

    return {"first": {"weight": drawn(2, 4), "bias": drawn(4)}, "scale": drawn()}


def _gradients(step: int, dtype: str = "float64") -> Tree:
    rng = np.random.default_rng((5, step))
    drawn: Tree = tree_map(lambda leaf: rng.normal(size=leaf.shape).astype(dtype), _start())
    return drawn


def _descend(
    optimizer: Optimizer, settings: Settings, dtype: str = "float64", *, steps: int = 4, members: slice = slice(None)
) -> tuple[Tree, Tree]:
    """Return parameters and state after steps that all of the members take."""

    def some(tree: Tree) -> Tree:
        picked: Tree = tree_map(lambda leaf: leaf[members], tree)
        return picked

    taken, mine, start = np.ones(_MEMBERS, bool)[members], dict(some(settings)), some(_start(dtype))
    found: tuple[Tree, Tree] = start, optimizer.init(start, xp=NumPyNamespace(dtype))
    for step in range(1, steps + 1):
        found = _step(optimizer, mine, some(_gradients(step, dtype)), found, step, taken, dtype)
    return found


def _step(
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
    planned = optimizer.coefficients(np.full((1, len(taken)), float(step)), settings)
    now = {name: np.asarray(values[0], dtype) for name, values in planned.items()}
    return optimizer.update(gradients, state, params, coefficients=now, taken=taken, xp=NumPyNamespace(dtype))


def _quadratic(curvature: Tree, params: Tree) -> np.ndarray:
    scales, leaves = tree_flatten(curvature), tree_flatten(params)
    total = np.zeros(_MEMBERS)
    for path, leaf in leaves.items():
        total += (scales[path] * (leaf - 3.0) ** 2 / 2).reshape(_MEMBERS, -1).sum(axis=1)
    return total


def _spoilt(gradients: Tree, taken: np.ndarray, value: float) -> Tree:
    """Return the gradients with `value` in all places of the members that do not take the step."""

    def spoil(leaf: np.ndarray) -> np.ndarray:
        return np.where(taken.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, value)

    changed: Tree = tree_map(spoil, gradients)
    return changed


def _member(tree: Tree, member: int) -> Tree:
    one: Tree = tree_map(lambda leaf: leaf[member], tree)
    return one


def _signature(tree: Tree) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {path: (leaf.shape, leaf.dtype) for path, leaf in tree_flatten(tree).items()}


def _equal(one: Tree, other: Tree) -> bool:
    first, second = tree_flatten(one), tree_flatten(other)
    return first.keys() == second.keys() and all(
        np.array_equal(leaf, second[path], equal_nan=True) for path, leaf in first.items()
    )
