"""Contract suite for schedules."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod

import numpy as np

from gmcore.ports import Schedule

__all__ = ["ScheduleContract"]

# A member without training rows has no steps; a member with few rows is masked, not shorter, so that its steps can pass
# its total.
_TOTALS = np.array([0, 1, 7, 30, 1000])
_STEPS = np.arange(40)[:, None]


class ScheduleContract(ABC):
    """Checks for a schedule; subclass it as `TestYours` in a test module, and pytest runs them."""

    @abstractmethod
    def schedule(self) -> Schedule:
        """Return a new schedule, the same every time."""

    def factors(self) -> np.ndarray:
        """Return a new schedule's factors for all steps and totals of the checks, `(steps, totals)`."""
        return self.schedule().factor(_STEPS, _TOTALS)

    def test_it_is_a_schedule(self) -> None:
        """The port is subclassed, or its methods are all there."""
        assert isinstance(self.schedule(), Schedule)

    def test_steps_and_totals_broadcast(self) -> None:
        """The factors have the shape to which the arguments broadcast, also where both are scalars."""
        for step, total in (
            (_STEPS, _TOTALS),
            (_STEPS[:, 0], np.array(40)),
            (np.array(3), _TOTALS),
            (np.array(3),) * 2,
        ):
            found = self.schedule().factor(step, total)
            expected = np.broadcast_shapes(step.shape, total.shape)
            assert np.shape(found) == expected, f"{np.shape(found)} from {step.shape} and {total.shape}"

    def test_factors_are_float64_arrays(self) -> None:
        """Also the first, alone, and also for whole numbers."""
        for step in (np.array(0), np.array([0]), np.array([0.0]), np.arange(5)):
            found = self.schedule().factor(step, np.array(5))
            assert isinstance(found, np.ndarray), type(found).__name__
            assert found.dtype == np.float64, f"{found.dtype} for {step!r}"

    def test_factors_are_finite_and_not_negative(self) -> None:
        """For every total, also 0, and for steps after the last."""
        found = self.factors()
        assert np.isfinite(found).all(), "a factor is not finite"
        assert (found >= 0).all(), "a factor is negative"

    def test_some_factor_is_above_zero(self) -> None:
        """Training moves the parameters."""
        assert (self.schedule().factor(np.arange(30), np.array(30)) > 0).any()

    def test_a_schedule_is_a_pure_function(self) -> None:
        """Equal arguments give equal factors: by the same object, after other calls, and by a new one."""
        schedule = self.schedule()
        first = schedule.factor(_STEPS, _TOTALS).copy()
        schedule.factor(_STEPS[::-1] + 3, np.array(50))
        assert np.array_equal(schedule.factor(_STEPS, _TOTALS), first), "the second call differs"
        assert np.array_equal(self.factors(), first), "a new schedule differs"

    def test_a_factor_does_not_depend_on_the_rest_of_its_array(self) -> None:
        """Steps evaluated one by one, in parts, in reverse, or as floats have the same factors."""
        schedule, expected = self.schedule(), self.factors()
        for index, step in enumerate(_STEPS):
            assert np.array_equal(schedule.factor(step, _TOTALS), expected[index]), f"step {index} alone differs"
        for index, total in enumerate(_TOTALS):
            assert np.array_equal(schedule.factor(_STEPS[:, 0], total), expected[:, index]), (
                f"total {total} alone differs"
            )
        assert np.array_equal(schedule.factor(_STEPS[5:9], _TOTALS), expected[5:9]), "a part of the steps differs"
        assert np.array_equal(schedule.factor(_STEPS[::-1], _TOTALS), expected[::-1]), "the reverse order differs"
        assert np.array_equal(schedule.factor(_STEPS * 1.0, _TOTALS * 1.0), expected), "steps as floats differ"

    def test_the_arguments_are_not_modified(self) -> None:
        """Nothing is computed in place."""
        step, total = _STEPS * 1.0, _TOTALS * 1.0
        self.schedule().factor(step, total)
        assert np.array_equal(step, _STEPS)
        assert np.array_equal(total, _TOTALS)
