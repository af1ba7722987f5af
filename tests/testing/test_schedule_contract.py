"""The contract accepts a good schedule and catches each that breaks one of its rules."""

from collections.abc import Callable

import attrs
import numpy as np
import pytest

from gmcore.nn.schedules import Cosine
from gmcore.ports import Schedule
from gmcore.testing.schedule import ScheduleContract


class TestCosine(ScheduleContract):
    def schedule(self):
        return Cosine()


@attrs.frozen
class Broken(Schedule):
    """A cosine whose factors are changed."""

    change: Callable[..., np.ndarray]

    def factor(self, step, total_steps):
        return self.change(Cosine().factor, step, total_steps)


def remembering():
    calls = []

    def change(own, step, total):
        calls.append(step)
        return own(step, total) / len(calls)

    return change


def in_place(own, step, total):
    if step.dtype.kind == "f":
        step += 1
    return own(step, total)


def divided_by_total(own, step, total):
    with np.errstate(all="ignore"):
        return np.asarray(step / np.asarray(total, np.float64))


BROKEN = {
    "broadcast": lambda own, step, total: own(step, total)[..., :1] if step.ndim > 1 else own(step, total),
    "float64_arrays": lambda own, step, total: (
        np.ones(np.broadcast_shapes(step.shape, total.shape), int) if not step.any() else own(step, total)
    ),
    "finite_and_not_negative": divided_by_total,
    "not_negative": lambda own, step, total: np.asarray(1.0 - step / np.maximum(1.0, total)),
    "above_zero": lambda own, step, total: 0 * own(step, total),
    "pure_function": remembering(),
    "rest_of_its_array": lambda own, step, total: own(step, total) * (step == step.max()),
    "rest_of_its": lambda own, step, total: own(step - step.min(), total),
    "not_modified": in_place,
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_schedule_is_caught(rule):
    class Contract(ScheduleContract):
        def schedule(self):
            return Broken(BROKEN[rule])

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(AssertionError):
        getattr(Contract(), check)()
