import numpy as np
import pytest

from gmcore.nn.schedules import SCHEDULES, Constant


def test_it_is_one_all_the_way():
    assert Constant().factor(np.arange(5), np.array(5)).tolist() == [1.0] * 5


# Written by torch 2.13: LinearLR(start_factor=1/5, total_iters=4).
def test_a_warm_up_is_torchs_linear_one_and_never_starts_at_zero():
    found = Constant(warmup_steps=4).factor(np.arange(7), np.array(7))
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0], rel=1e-15)


def test_a_warm_up_can_be_a_share_of_all_steps():
    found = Constant(warmup_fraction=0.1).factor(np.arange(7), np.array(30))
    assert np.array_equal(found, Constant(warmup_steps=3).factor(np.arange(7), np.array(30)))


def test_members_can_have_totals_of_their_own():
    step, total = np.arange(6)[:, None], np.array([4, 20])
    both = Constant(warmup_fraction=0.5).factor(step, total)
    assert both.shape == (6, 2)
    assert np.array_equal(both[:, 1], Constant(warmup_steps=10).factor(np.arange(6), np.array(20)))


@pytest.mark.parametrize("make", SCHEDULES.values())
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warmup_steps": -1}, "warmup_steps.*-1"),
        ({"warmup_fraction": 1.0}, "warmup_fraction.*1.0"),
        ({"warmup_steps": 5, "warmup_fraction": 0.1}, "warmup_steps or warmup_fraction, not both, got 5 and 0.1"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_named(make, settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)
