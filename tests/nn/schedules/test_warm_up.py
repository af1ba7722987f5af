import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gmcore
from gmcore.errors import ConfigError
from gmcore.nn.schedules import Constant, Cosine, WarmUp
from gmcore.ports import Schedule


# Written by torch 2.13: LinearLR(start_factor=1/5, total_iters=4).
def test_the_rise_is_torchs_linear_one_and_does_not_start_at_zero():
    found = WarmUp(steps=4).factor(np.arange(7), np.array(7))
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0], rel=1e-15)


def test_the_other_schedule_starts_after_the_rise_and_ends_with_training():
    found = WarmUp(Cosine(), steps=2).factor(np.arange(6), np.array(6))
    assert found == pytest.approx([1 / 3, 2 / 3, *Cosine().factor(np.arange(4), np.array(4))], rel=1e-15)


def test_a_fraction_is_rounded_to_whole_steps_of_each_members_total():
    step, total = np.arange(12)[:, None], np.array([4, 20, 30])
    found = WarmUp(Cosine(), fraction=0.33).factor(step, total)
    for member, steps in enumerate((1, 7, 10)):
        alone = WarmUp(Cosine(), steps=steps).factor(np.arange(12), total[member])
        assert np.array_equal(found[:, member], alone)


def test_no_warm_up_is_the_other_schedule_to_the_bit():
    step, total = np.arange(40)[:, None], np.array([0, 1, 30])
    assert np.array_equal(WarmUp(Cosine()).factor(step, total), Cosine().factor(step, total))


@given(st.integers(1, 500), st.integers(0, 600), st.floats(0, 1))
def test_factors_rise_then_fall_and_stay_above_zero_until_the_last_step(total, steps, final):
    found = WarmUp(Cosine(final_fraction=final), steps=steps).factor(np.arange(total), np.array(total))
    peak = min(steps, total - 1)
    assert ((found > 0) & (found <= 1)).all()
    assert (np.diff(found[: peak + 1]) > 0).all()
    assert (np.diff(found[peak:]) <= 0).all()


@attrs.frozen
class Recorded(Schedule):
    calls: list = attrs.field(factory=list)

    def factor(self, step, total_steps):
        self.calls.append((step, total_steps))
        return Constant().factor(step, total_steps)


def test_any_schedule_can_follow_and_is_given_at_least_one_step():
    recorded = Recorded()
    WarmUp(recorded, steps=5).factor(np.array([0, 5, 7]), np.array([3, 5, 9]))
    ((step, total),) = recorded.calls
    assert (step.tolist(), total.tolist()) == ([0, 0, 2], [1, 1, 4])


def test_the_default_is_a_constant_rate_that_is_not_warmed_up():
    assert WarmUp() == WarmUp(Constant(), steps=0, fraction=0.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "steps.*-1"),
        ({"fraction": 1.0}, "fraction.*1.0"),
        ({"fraction": float("nan")}, "fraction.*nan"),
        ({"steps": 5, "fraction": 0.1}, "give steps or fraction, not both, got 5 and 0.1"),
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
