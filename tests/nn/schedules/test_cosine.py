import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmcore.nn.schedules import Cosine


# Written by torch 2.13: CosineAnnealingLR(T_max=8, eta_min=0.1).
def test_it_is_torchs():
    found = Cosine(final_fraction=0.1).factor(np.arange(9), np.array(8))
    expected = [1.0, 0.9657457896300791, 0.8681980515339464, 0.7222075445642905, 0.55, 0.3777924554357097]
    assert found == pytest.approx([*expected, 0.2318019484660537, 0.134254210369921, 0.1], rel=1e-12)


def test_it_falls_only_after_the_warm_up():
    found = Cosine(warmup_steps=2).factor(np.arange(6), np.array(6))
    assert found == pytest.approx([1 / 3, 2 / 3, *Cosine().factor(np.arange(4), np.array(4))], rel=1e-15)


@given(st.integers(1, 500), st.integers(0, 600), st.floats(0, 1))
def test_it_stays_above_zero_and_within_one_until_the_last_step(total, warmup_steps, final):
    found = Cosine(final_fraction=final, warmup_steps=warmup_steps).factor(np.arange(total), np.array(total))
    assert found.dtype == np.float64
    assert (found > 0).all()
    assert (found <= 1).all()
    peak = min(warmup_steps, total - 1)
    assert (np.diff(found[: peak + 1]) > 0).all()
    assert (np.diff(found[peak:]) <= 0).all()


def test_members_can_have_totals_of_their_own():
    both = Cosine(warmup_fraction=0.25).factor(np.arange(8), np.array([[8], [80]]))
    assert np.array_equal(both[1], Cosine(warmup_fraction=0.25).factor(np.arange(8), np.array(80)))


@pytest.mark.parametrize("fraction", [-0.1, 1.1])
def test_a_final_fraction_out_of_range_is_named(fraction):
    with pytest.raises(ValueError, match=f"final_fraction.*{fraction}"):
        Cosine(final_fraction=fraction)
