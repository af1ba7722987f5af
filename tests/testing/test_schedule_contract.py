"""The contract accepts a good schedule and catches each that breaks one of its rules."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from gmcore.errors import ConfigError
from gmcore.nn.schedules import Cosine, Plateau, WarmUp
from gmcore.ports import Schedule, SupportsDuration, SupportsFeedback
from gmcore.testing.schedule import ScheduleContract


class TestCosine(ScheduleContract):
    def schedule(self):
        return Cosine()


@attrs.frozen
class Broken(Schedule):
    """A cosine whose factors are changed."""

    change: Callable[..., np.ndarray]

    def factor(self, step, total_steps, steps_per_epoch):
        return self.change(lambda *given: Cosine().factor(*given, steps_per_epoch), step, total_steps)


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


@attrs.frozen(kw_only=True)
class Reacting(Plateau):
    """A plateau whose states are changed."""

    change: Callable[..., Any]

    def after_epoch(self, state, loss, *, xp):
        return self.change(super().after_epoch, state, loss, xp)


class TestReacting(ScheduleContract):
    abilities = (SupportsFeedback,)

    def schedule(self):
        return Reacting(patience=0, change=lambda own, state, loss, xp: own(state, loss, xp=xp))


def remembering_the_losses():
    calls = []

    def change(own, state, loss, xp):
        calls.append(loss)
        after = own(state, loss, xp=xp)
        return {**after, "scale": after["scale"] / len(calls)}

    return change


def changing_the_losses(own, state, loss, xp):
    loss += 1.0
    return own(state, loss, xp=xp)


BROKEN_FEEDBACK = {
    "float32": ("keeps_its_names", lambda own, *given: scaled(own, *given, dtype=np.float32)),
    "negative": ("keeps_its_names", lambda own, *given: scaled(own, *given, factor=-1.0)),
    "not finite": ("keeps_its_names", lambda own, state, loss, xp: {**own(state, loss, xp=xp), "scale": loss}),
    "one number more": ("keeps_its_names", lambda own, *given: {**scaled(own, *given), "epoch": np.zeros(4)}),
    "remembering": ("no_memory", remembering_the_losses()),
    "in place": ("no_memory", changing_the_losses),
    "of all members": ("is_its_own", lambda own, state, loss, xp: own(state, loss - np.nanmean(loss), xp=xp)),
}


def scaled(own, state, loss, xp, *, factor=1.0, dtype=np.float64):
    after = own(state, loss, xp=xp)
    return {**after, "scale": (factor * after["scale"]).astype(dtype)}


@pytest.mark.parametrize("case", BROKEN_FEEDBACK)
def test_a_broken_feedback_is_caught(case):
    rule, change = BROKEN_FEEDBACK[case]

    class Contract(ScheduleContract):
        abilities = (SupportsFeedback,)

        def schedule(self):
            return Reacting(patience=0, change=change)

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(AssertionError):
        getattr(Contract(), check)()


@pytest.mark.parametrize(
    ("schedule", "abilities", "wrong"),
    [
        (Cosine(), (SupportsFeedback,), "SupportsFeedback"),
        (Plateau(), (), "SupportsFeedback"),
        (Cosine(), (SupportsDuration,), "SupportsDuration"),
        (WarmUp(), (), "SupportsDuration"),
    ],
    ids=repr,
)
def test_abilities_that_are_not_those_of_the_schedule_are_caught(schedule, abilities, wrong):
    contract = type("Contract", (ScheduleContract,), {"schedule": lambda _: schedule, "abilities": abilities})
    with pytest.raises(AssertionError, match=f"{wrong} must be in"):
        contract().test_it_is_a_schedule_with_the_abilities_of_the_suite()


def test_a_check_that_refuses_every_training_is_caught():
    class Contract(ScheduleContract):
        abilities = (SupportsDuration,)

        def schedule(self):
            return WarmUp(steps=10**10)

    with pytest.raises(ConfigError, match="a rise of 10000000000 steps"):
        Contract().test_a_long_training_is_accepted()
