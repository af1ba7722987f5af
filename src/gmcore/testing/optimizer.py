"""Contract suite for optimizers."""

# ruff: noqa: S101 - the asserts are the checks

import copy
from abc import abstractmethod
from typing import ClassVar

import numpy as np

from gmcore.domain import Tree
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.optimizers import Rule
from gmcore.nn.optimizers.packing import Packing
from gmcore.ports import Optimizer, SupportsEvaluations
from gmcore.testing.abilities import OfAbilities, needs
from gmcore.testing.optimizer_checks.evaluations import (
    assert_evaluations_lower_the_loss,
    assert_evaluations_of_members_are_their_own,
    assert_evaluations_respect_the_mask,
)
from gmcore.testing.optimizer_checks.steps import (
    MEMBERS,
    Settings,
    descend,
    drawn_gradients,
    equal,
    member_of,
    one_step,
    quadratic,
    signature,
    spoilt,
    start_params,
)

__all__ = ["OptimizerContract"]

_DTYPES = ("float32", "float64")
# A sum over one member's leaf may add in another order in a fleet: a few roundings of float64.
_RELATIVE = 1e-12
# Vectorised `exp` and `log` may differ in the last bit between array sizes.
_COEFFICIENTS_RELATIVE = 1e-14


class OptimizerContract(OfAbilities):
    """Checks for an optimizer; subclass it as `TestYours` in a test module, and pytest runs them.

    All checks run on the NumPy reference, without a backend. An optimizer that evaluates losses itself states the
    ability `SupportsEvaluations` in `abilities`.
    """

    optional: ClassVar[tuple[type, ...]] = (SupportsEvaluations,)

    @abstractmethod
    def optimizer(self) -> Optimizer:
        """Return a new optimizer, equal every time."""

    def settings(self) -> Settings:
        """Return settings of three members that differ, `(3,)` each; override if these values are out of range."""
        shares = np.array([1.0, 0.5, 0.25])
        return {name: shares * (value or 0.1) for name, value in self.optimizer().settings.items()}

    def test_it_is_an_optimizer_with_the_abilities_of_the_suite(self) -> None:
        """It subclasses the port or has all of its methods; an ability that is not stated would not be checked."""
        assert isinstance(self.optimizer(), Optimizer)
        self.assert_abilities(self.optimizer())

    def test_its_settings_are_finite_numbers_with_a_learning_rate(self) -> None:
        """Each is a Python float, and `"learning_rate"` is one of them, or schedules would have no effect."""
        settings = self.optimizer().settings
        assert "learning_rate" in settings, sorted(settings)
        assert all(type(name) is str and type(value) is float for name, value in settings.items()), settings
        assert np.isfinite(list(settings.values())).all(), settings

    def test_every_setting_has_an_effect(self) -> None:
        """Another value of any setting gives other parameters after four steps."""
        optimizer, settings = self.optimizer(), self.settings()
        params, _ = descend(optimizer, settings)
        for name in settings:
            other, _ = descend(optimizer, {**settings, name: settings[name] / 2})
            for member in range(MEMBERS):
                assert not equal(member_of(params, member), member_of(other, member)), f"{name} has no effect"

    def test_coefficients_have_the_shape_of_the_steps_and_are_finite(self) -> None:
        """For settings per member, per step or for all, early and late in training, also at a learning rate of 0."""
        optimizer, settings = self.optimizer(), self.settings()
        step = np.array([1.0, 2.0, 1e3, 1e7])[:, None] + np.zeros(MEMBERS)
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
            for place in range(MEMBERS):
                mine = {name: values[place : place + 1] for name, values in settings.items()}
                alone = self.optimizer().coefficients(step[row : row + 1, place : place + 1], mine)
                assert set(alone) == set(whole), f"{sorted(alone)}, not {sorted(whole)}"
                for name, values in alone.items():
                    expected = whole[name][row, place]
                    assert np.isclose(values.item(), expected, rtol=_COEFFICIENTS_RELATIVE, atol=0), name
        again = optimizer.coefficients(step, settings)
        assert all(np.array_equal(again[name], whole[name]) for name in whole)

    def test_the_coefficients_that_are_linear_in_the_rate_are_named(self) -> None:
        """Those double if the learning rate doubles, and the others do not change; early and late in training."""
        optimizer, settings = self.optimizer(), self.settings()
        step = np.array([1.0, 2.0, 1e3, 1e7])[:, None] + np.zeros(MEMBERS)
        before = optimizer.coefficients(step, settings)
        after = optimizer.coefficients(step, {**settings, "learning_rate": 2 * settings["learning_rate"]})
        assert set(after) == set(before), f"{sorted(after)}, not {sorted(before)}"
        assert set(optimizer.linear_in_rate) & set(before), "no coefficient is linear in the learning rate"
        for name, values in before.items():
            factor = 2.0 if name in optimizer.linear_in_rate else 1.0
            same = np.allclose(after[name], factor * values, rtol=_COEFFICIENTS_RELATIVE, atol=0)
            assert same, f"{name} changes from {values[0]} to {after[name][0]} if the learning rate doubles"

    def test_an_elementwise_rule_gives_the_same_numbers_on_one_array(self) -> None:
        """A rule that states `elementwise` may be given all parameters as one array, see `SupportsPacking`."""
        optimizer = self.optimizer()
        if not (isinstance(optimizer, Rule) and optimizer.elementwise):
            return
        xp, packing, everyone = NumPyNamespace(), Packing.of(start_params()), np.ones(MEMBERS, bool)
        apart = (start_params(), optimizer.init(start_params(), xp=xp))
        whole: Tree = {"all": packing.packed(start_params(), xp)}
        together = (whole, optimizer.init(whole, xp=xp))
        for step in (1, 2, 3):
            gradients = drawn_gradients(step)
            apart = one_step(optimizer, self.settings(), gradients, apart, step, everyone)
            packed: Tree = {"all": packing.packed(gradients, xp)}
            together = one_step(optimizer, self.settings(), packed, together, step, everyone)
            found = packing.unpacked(together[0]["all"], xp)
            assert equal(found, apart[0]), f"step {step} of an elementwise rule depends on the arrays' shapes"

    def test_state_and_parameters_keep_their_shapes_and_dtype(self) -> None:
        """In float32 and float64, so that steps can be compiled as one loop; every leaf has the members first."""
        for dtype in _DTYPES:
            optimizer, start = self.optimizer(), start_params(dtype)
            fresh = optimizer.init(start, xp=NumPyNamespace(dtype))
            for steps in (1, 4):
                params, state = descend(optimizer, self.settings(), dtype, steps=steps)
                assert signature(params) == signature(start)
                assert signature(state) == signature(fresh)
            for path, leaf in tree_flatten(fresh).items():
                assert leaf.shape[:1] == (MEMBERS,), f"{path} has shape {leaf.shape}, without the members"
                assert leaf.dtype.kind != "f" or leaf.dtype == dtype, f"{path} is {leaf.dtype}, not {dtype}"

    def test_no_array_is_in_a_fresh_state_twice(self) -> None:
        """Nor are the parameters: a program reuses the memory of each array of the state for its results."""
        start = start_params()
        leaves = [*tree_leaves(start), *tree_leaves(self.optimizer().init(start, xp=NumPyNamespace()))]
        assert len({id(leaf) for leaf in leaves}) == len(leaves), "two names have the same array"

    def test_nothing_is_changed_in_place(self) -> None:
        """Gradients, state, parameters, coefficients and settings stay as they were."""
        optimizer, settings, xp = self.optimizer(), self.settings(), NumPyNamespace()
        step = np.full((1, MEMBERS), 2.0)
        planned = {name: values.copy() for name, values in optimizer.coefficients(step, settings).items()}
        assert equal(settings, self.settings())
        assert (step == 2.0).all()  # noqa: PLR2004 - as above
        start = start_params()
        state = optimizer.init(start, xp=xp)
        now, taken = {name: values[0] for name, values in planned.items()}, np.array([True, False, True])
        gradients = drawn_gradients(0)
        given = {"gradients": gradients, "state": state, "params": start, "coefficients": now, "taken": taken}
        before = copy.deepcopy(given)
        optimizer.update(gradients, state, start, coefficients=now, taken=taken, xp=xp)
        for name, value in given.items():
            assert equal({name: value}, {name: before[name]}), f"{name} changed in place"

    def test_the_same_steps_give_the_same_numbers_again(self) -> None:
        """By the same instance and by another: everything that is remembered is in the state."""
        optimizer, settings = self.optimizer(), self.settings()
        first = descend(optimizer, settings)
        for other in (optimizer, self.optimizer()):
            again = descend(other, settings)
            assert all(equal(one, two) for one, two in zip(first, again, strict=True))

    def test_a_member_that_does_not_take_a_step_stays_as_it_was(self) -> None:
        """Parameters and state, at the first step and later, even if its gradients are NaN or infinite."""
        optimizer, settings, taken = self.optimizer(), self.settings(), np.array([True, False, True])
        for dtype in _DTYPES:
            for steps in (0, 4):
                before = descend(optimizer, settings, dtype, steps=steps)
                for value in (1.0, np.nan, np.inf, -np.inf):
                    gradients = spoilt(drawn_gradients(7, dtype), taken, value)
                    with np.errstate(all="ignore"):
                        after = one_step(optimizer, settings, gradients, before, steps + 1, taken, dtype)
                    for new, old in zip(after, before, strict=True):
                        assert equal(member_of(new, 1), member_of(old, 1)), f"moved by gradients of {value}"

    def test_the_others_take_the_step_as_if_all_did(self) -> None:
        """A member that does not take a step has no effect on those that do."""
        optimizer, settings, taken = self.optimizer(), self.settings(), np.array([True, False, True])
        before, gradients = descend(optimizer, settings), drawn_gradients(7)
        some = one_step(optimizer, settings, spoilt(gradients, taken, np.nan), before, 5, taken)
        everyone = one_step(optimizer, settings, gradients, before, 5, np.ones(MEMBERS, bool))
        for found, expected in zip(some, everyone, strict=True):
            for member in (0, 2):
                assert equal(member_of(found, member), member_of(expected, member)), f"member {member}"
                assert not equal(member_of(some[0], member), member_of(before[0], member)), f"member {member} stayed"

    def test_a_member_gets_the_same_numbers_alone_as_in_a_fleet(self) -> None:
        """No member depends on another's gradients, parameters or settings."""
        optimizer, settings = self.optimizer(), self.settings()
        fleet = descend(optimizer, settings)
        for member in range(MEMBERS):
            alone = descend(optimizer, settings, members=slice(member, member + 1))
            for found, expected in zip(alone, fleet, strict=True):
                flat = tree_flatten(member_of(expected, member))
                for path, leaf in tree_flatten(member_of(found, 0)).items():
                    assert np.allclose(leaf, flat[path], rtol=_RELATIVE, atol=0), f"{path} of member {member}"

    def test_steps_go_downhill_on_a_quadratic(self) -> None:
        """The sum of `curvature * (parameter - 3)**2 / 2` falls at the first step, and further over the next 49."""
        optimizer, xp = self.optimizer(), NumPyNamespace()
        settings = {name: np.full(MEMBERS, value) for name, value in optimizer.settings.items()}
        settings["learning_rate"] = np.full(MEMBERS, 1e-3)
        curvature = tree_map(np.abs, drawn_gradients(1))
        start = start_params()
        found: tuple[Tree, Tree] = start, optimizer.init(start, xp=xp)
        losses = [quadratic(curvature, start)]
        for step in range(1, 51):
            gradients = tree_map(lambda scale, leaf: scale * (leaf - 3.0), curvature, found[0])
            found = one_step(optimizer, settings, gradients, found, step, np.ones(MEMBERS, bool))
            losses.append(quadratic(curvature, found[0]))
        assert (losses[1] < losses[0]).all(), f"from {losses[0]} to {losses[1]}"
        assert (losses[-1] < losses[1]).all(), f"from {losses[1]} to {losses[-1]}"

    @needs(SupportsEvaluations)
    def test_a_member_without_a_step_of_evaluations_stays_as_it_was(self) -> None:
        """Parameters and state, even if its losses and gradients are NaN or infinite; the others step as if all did."""
        assert_evaluations_respect_the_mask(self.optimizer(), self.settings())

    @needs(SupportsEvaluations)
    def test_the_evaluations_of_a_member_are_its_own(self) -> None:
        """A member gets the same numbers alone as in a fleet, in which others need more evaluations than it does."""
        assert_evaluations_of_members_are_their_own(self.optimizer(), self.settings())

    @needs(SupportsEvaluations)
    def test_steps_with_evaluations_lower_the_loss_and_keep_shapes_and_dtypes(self) -> None:
        """Of the same quadratic, in float32 and float64."""
        for dtype in _DTYPES:
            assert_evaluations_lower_the_loss(self.optimizer(), dtype)
