import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gmcore
from gmcore.errors import ConfigError
from gmcore.nn.schedules import Constant, Cosine, Step, WarmUp
from gmcore.ports import Schedule

ONE = np.array(1)


# Written by torch 2.13: LinearLR(start_factor=1/5, total_iters=4).
def test_the_rise_is_torchs_linear_one_and_does_not_start_at_zero():
    found = WarmUp(steps=4).factor(np.arange(7), np.array(7), ONE)
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0], rel=1e-15)


def test_the_other_schedule_starts_after_the_rise_and_ends_with_training():
    found = WarmUp(Cosine(), steps=2).factor(np.arange(6), np.array(6), ONE)
    assert found == pytest.approx([1 / 3, 2 / 3, *Cosine().factor(np.arange(4), np.array(4), ONE)], rel=1e-15)


def test_a_fraction_is_rounded_to_whole_steps_of_each_members_total():
    step, total = np.arange(12)[:, None], np.array([4, 20, 30])
    found = WarmUp(Cosine(), fraction=0.33).factor(step, total, ONE)
    for member, steps in enumerate((1, 7, 10)):
        alone = WarmUp(Cosine(), steps=steps).factor(np.arange(12), total[member], ONE)
        assert np.array_equal(found[:, member], alone)


def test_epochs_are_those_of_each_member_and_the_rise_changes_at_each_step():
    step, epochs = np.arange(12)[:, None], np.array([2, 5])
    found = WarmUp(Cosine(), epochs=2).factor(step, 4 * epochs, epochs)
    for member, steps in enumerate((4, 10)):
        alone = WarmUp(Cosine(), steps=steps).factor(np.arange(12), 4 * epochs[member], epochs[member])
        assert np.array_equal(found[:, member], alone)


def test_per_epoch_the_rise_is_a_staircase_and_the_other_schedule_keeps_its_own_steps():
    step, total, per_epoch = np.arange(10), np.array(10), np.array(2)
    found = WarmUp(Cosine(), epochs=3, per="epoch").factor(step, total, per_epoch)
    rest = Cosine().factor(np.arange(4), np.array(4), per_epoch)
    assert found == pytest.approx([0.25, 0.25, 0.5, 0.5, 0.75, 0.75, *rest], rel=1e-15)
    stairs = WarmUp(Step(steps=3, reduction=0.5), epochs=2, per="epoch").factor(step, total, per_epoch)
    assert stairs[4:].tolist() == [1, 1, 1, 0.5, 0.5, 0.5]


def test_no_warm_up_is_the_other_schedule_to_the_bit():
    step, total = np.arange(40)[:, None], np.array([0, 1, 30])
    for none in (WarmUp(Cosine()), WarmUp(Cosine(), steps=0), WarmUp(Cosine(), epochs=0), WarmUp(Cosine(), fraction=0)):
        assert np.array_equal(none.factor(step, total, ONE), Cosine().factor(step, total, ONE))


@given(st.integers(1, 500), st.integers(0, 600), st.floats(0, 1))
def test_factors_rise_then_fall_and_stay_above_zero_until_the_last_step(total, steps, final):
    found = WarmUp(Cosine(final_fraction=final), steps=steps).factor(np.arange(total), np.array(total), ONE)
    peak = min(steps, total - 1)
    assert ((found > 0) & (found <= 1)).all()
    assert (np.diff(found[: peak + 1]) > 0).all()
    assert (np.diff(found[peak:]) <= 0).all()


@attrs.frozen
class Recorded(Schedule):
    calls: list = attrs.field(factory=list)

    def factor(self, step, total_steps, steps_per_epoch):
        self.calls.append((step, total_steps, steps_per_epoch))
        return Constant().factor(step, total_steps, steps_per_epoch)


def test_any_schedule_can_follow_and_is_given_at_least_one_step():
    recorded = Recorded()
    WarmUp(recorded, steps=5).factor(np.array([0, 5, 7]), np.array([3, 5, 9]), np.array([3, 1, 9]))
    ((step, total, per_epoch),) = recorded.calls
    assert (step.tolist(), total.tolist(), per_epoch.tolist()) == ([0, 0, 2], [1, 1, 4], [3, 1, 9])


def test_a_rise_as_long_as_training_is_refused():
    WarmUp(steps=29).check(30, 10)
    for too_long in (
        WarmUp(steps=30),
        WarmUp(epochs=3),
        WarmUp(epochs=3, per="epoch"),
        WarmUp(WarmUp(steps=9), steps=21),
    ):
        with pytest.raises(ConfigError, match=r"WarmUp: a rise of \d+ steps must be shorter than training, which has"):
            too_long.check(30, 10)


def test_a_fraction_fits_into_every_training_as_no_rise_does():
    for fits in (WarmUp(fraction=0.9), WarmUp(), WarmUp(WarmUp(), fraction=0.9)):
        fits.check(1, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "steps.*-1"),
        ({"epochs": -0.5}, "epochs.*-0.5"),
        ({"fraction": 1.0}, "fraction must be below 1"),
        ({"fraction": float("nan")}, "fraction.*nan"),
        ({"steps": 5, "fraction": 0.1}, "give one of steps, epochs and fraction, got steps = 5 and fraction = 0.1"),
        ({"steps": 5, "per": "epoch"}, 'give epochs instead of steps with per = "epoch", got steps = 5'),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        WarmUp(**settings)
    with pytest.raises(ConfigError, match=message):
        gmcore.float64.schedules.create("warm_up", **settings)


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ("cosine", "then must be a schedule object, got 'cosine'$"),
        (Cosine, r"then must be a schedule object, got <class .*Cosine'>: create an object, Cosine\(\)"),
    ],
    ids=["name", "class"],
)
def test_the_other_schedule_must_be_an_object(then, message):
    with pytest.raises(ValueError, match=message):
        WarmUp(then)
