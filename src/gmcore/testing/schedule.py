"""Contract suite for schedules."""

# ruff: noqa: S101 - these are checks

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from gmcore.domain import Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Feedback, Schedule, SupportsDuration, SupportsFeedback
from gmcore.testing.abilities import OfAbilities, needs

__all__ = ["ScheduleContract"]

# A member without training rows has no steps; a member with few rows is masked, not shorter, so that its steps can pass
# its total.
_TOTALS = np.array([0, 1, 7, 30, 1000])
_PER_EPOCH = np.array([0, 1, 7, 10, 20])
_STEPS = np.arange(40)[:, None]
# The losses of four members in eight epochs: falling, rising, constant, and those of a member that fails.
_LOSSES = np.stack([np.arange(8.0)[::-1], np.arange(8.0), np.ones(8), np.where(np.arange(8) < 3, 1.0, np.nan)], axis=1)  # noqa: PLR2004 - as above


class ScheduleContract(OfAbilities):
    """Checks for a schedule; subclass it as `TestYours` in a test module, and pytest runs them.

    A schedule that reacts to the loss, itself or through a schedule inside it, states the ability `SupportsFeedback` in
    `abilities`; one that training can be too short for states `SupportsDuration`.
    """

    optional: ClassVar[tuple[type, ...]] = (SupportsDuration, SupportsFeedback)

    @abstractmethod
    def schedule(self) -> Schedule:
        """Return a new schedule, the same every time."""

    def factors(self) -> np.ndarray:
        """Return a new schedule's factors for all steps and totals of the checks, `(steps, totals)`."""
        return self.schedule().factor(_STEPS, _TOTALS, _PER_EPOCH)

    def feedback(self) -> Feedback:
        """Return how a new schedule reacts to the loss."""
        feedback = _feedback_of(self.schedule())
        assert feedback is not None, (
            "the schedule does not react to the loss: leave SupportsFeedback out of `abilities`"
        )
        return feedback

    def test_it_is_a_schedule_with_the_abilities_of_the_suite(self) -> None:
        """The port is subclassed, or its methods are all there; an ability that is not stated would not be checked."""
        schedule = self.schedule()
        assert isinstance(schedule, Schedule)
        reacts, stated = _feedback_of(schedule) is not None, SupportsFeedback in self.abilities
        assert reacts == stated, "SupportsFeedback must be in `abilities` if the schedule reacts to the loss, else not"
        checks, stated = isinstance(schedule, SupportsDuration), SupportsDuration in self.abilities
        assert checks == stated, "SupportsDuration must be in `abilities` if the schedule has its `check`, else not"

    def test_steps_and_totals_broadcast(self) -> None:
        """The factors have the shape to which the arguments broadcast, also where both are scalars."""
        for step, total, per_epoch in (
            (_STEPS, _TOTALS, _PER_EPOCH),
            (_STEPS[:, 0], np.array(40), np.array(8)),
            (np.array(3), _TOTALS, _PER_EPOCH),
            (np.array(3),) * 3,
        ):
            found = self.schedule().factor(step, total, per_epoch)
            expected = np.broadcast_shapes(step.shape, total.shape)
            assert np.shape(found) == expected, f"{np.shape(found)} from {step.shape} and {total.shape}"

    def test_factors_are_float64_arrays(self) -> None:
        """Also the first, alone, and also for whole numbers."""
        for step in (np.array(0), np.array([0]), np.array([0.0]), np.arange(5)):
            found = self.schedule().factor(step, np.array(5), np.array(5))
            assert isinstance(found, np.ndarray), type(found).__name__
            assert found.dtype == np.float64, f"{found.dtype} for {step!r}"

    def test_factors_are_finite_and_not_negative(self) -> None:
        """For every total, also 0, and for steps after the last."""
        found = self.factors()
        assert np.isfinite(found).all(), "a factor is not finite"
        assert (found >= 0).all(), "a factor is negative"

    def test_some_factor_is_above_zero(self) -> None:
        """Training moves the parameters."""
        assert (self.schedule().factor(np.arange(30), np.array(30), np.array(10)) > 0).any()

    def test_a_schedule_is_a_pure_function(self) -> None:
        """Equal arguments give equal factors: by the same object, after other calls, and by a new one."""
        schedule = self.schedule()
        first = schedule.factor(_STEPS, _TOTALS, _PER_EPOCH).copy()
        schedule.factor(_STEPS[::-1] + 3, np.array(50), np.array(5))
        assert np.array_equal(schedule.factor(_STEPS, _TOTALS, _PER_EPOCH), first), "the second call differs"
        assert np.array_equal(self.factors(), first), "a new schedule differs"

    def test_a_factor_does_not_depend_on_the_rest_of_its_array(self) -> None:
        """Steps evaluated one by one, in parts, in reverse, or as floats have the same factors."""
        schedule, expected = self.schedule(), self.factors()
        of_all = (_TOTALS, _PER_EPOCH)
        for index, step in enumerate(_STEPS):
            assert np.array_equal(schedule.factor(step, *of_all), expected[index]), f"step {index} alone differs"
        for index, (total, per_epoch) in enumerate(zip(*of_all, strict=True)):
            assert np.array_equal(schedule.factor(_STEPS[:, 0], total, per_epoch), expected[:, index]), (
                f"total {total} alone differs"
            )
        assert np.array_equal(schedule.factor(_STEPS[5:9], *of_all), expected[5:9]), "a part of the steps differs"
        assert np.array_equal(schedule.factor(_STEPS[::-1], *of_all), expected[::-1]), "the reverse order differs"
        floats = (one * 1.0 for one in of_all)
        assert np.array_equal(schedule.factor(_STEPS * 1.0, *floats), expected), "steps as floats differ"

    def test_the_arguments_are_not_modified(self) -> None:
        """Nothing is computed in place."""
        before = (_STEPS, _TOTALS, _PER_EPOCH)
        given = tuple(one * 1.0 for one in before)
        self.schedule().factor(*given)
        assert all(np.array_equal(one, other) for one, other in zip(given, before, strict=True))

    @needs(SupportsDuration)
    def test_a_long_training_is_accepted(self) -> None:
        """A million epochs of a thousand steps are enough for every schedule."""
        self.schedule().check(10**9, 1000)  # type: ignore[attr-defined]  # it has the ability

    @needs(SupportsFeedback)
    def test_the_state_of_its_feedback_keeps_its_names_shapes_and_dtypes(self) -> None:
        """`(members,)` each, also if losses are NaN; the scale is float64, 1 at first, finite and not negative."""
        for members in (4, 1):
            states = _states(self.feedback(), _LOSSES[:, :members])
            assert states[0]["scale"].dtype == np.float64
            assert (states[0]["scale"] == 1).all()
            for state in states:
                assert _signature(state) == _signature(states[0])
                assert all(leaf.shape == (members,) for leaf in state.values()), _signature(state)
                assert (np.isfinite(state["scale"]) & (state["scale"] >= 0)).all(), state["scale"]

    @needs(SupportsFeedback)
    def test_its_feedback_has_no_memory_but_its_state(self) -> None:
        """Equal states and losses give equal states, by the same object and by a new one, and are not changed."""
        feedback = self.feedback()
        first = _states(feedback, _LOSSES)
        _states(feedback, _LOSSES[::-1])
        for states in (_states(feedback, _LOSSES), _states(self.feedback(), _LOSSES)):
            assert all(_equal(one, other) for one, other in zip(states, first, strict=True))
        given, loss = tree_map(np.copy, first[2]), _LOSSES[2].copy()
        feedback.after_epoch(given, loss, xp=NumPyNamespace())
        assert _equal(given, first[2]), "the state is changed in place"
        assert np.array_equal(loss, _LOSSES[2]), "the losses are changed in place"

    @needs(SupportsFeedback)
    def test_its_feedback_of_a_member_is_its_own(self) -> None:
        """A member has the same states alone as in a fleet."""
        fleet = _states(self.feedback(), _LOSSES)
        for member in range(_LOSSES.shape[1]):
            place = slice(member, member + 1)
            alone = _states(self.feedback(), _LOSSES[:, place])
            for one, state in zip(alone, fleet, strict=True):
                mine = tree_map(lambda leaf, place=place: leaf[place], state)
                assert _equal(one, mine), f"member {member}"


def _feedback_of(schedule: Schedule) -> Feedback | None:
    return schedule.feedback if isinstance(schedule, SupportsFeedback) else None


def _states(feedback: Feedback, losses: np.ndarray) -> list[Tree]:
    """Return the state before the first epoch and after each."""
    states: list[Tree] = [feedback.initial(losses.shape[1])]
    for loss in losses:
        states.append(feedback.after_epoch(states[-1], loss, xp=NumPyNamespace()))
    return states


def _signature(state: Tree) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {name: (leaf.shape, leaf.dtype) for name, leaf in state.items()}


def _equal(one: Tree, other: Tree) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(leaf, other[name], equal_nan=True) for name, leaf in one.items()
    )
