import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmcore.nn.schedules import Cosine


# Written by torch 2.13: CosineAnnealingLR(T_max=8, eta_min=0.1).
def test_the_factors_are_torchs():
    found = Cosine(final_fraction=0.1).factor(np.arange(9), np.array(8), np.array(4))
    expected = [1.0, 0.9657457896300791, 0.8681980515339464, 0.7222075445642905, 0.55, 0.3777924554357097]
    assert found == pytest.approx([*expected, 0.2318019484660537, 0.134254210369921, 0.1], rel=1e-12)


@given(st.integers(1, 500), st.floats(0, 1))
def test_factors_fall_from_one_and_stay_above_zero_until_the_last_step(total, final):
    found = Cosine(final_fraction=final).factor(np.arange(total), np.array(total), np.array(1))
    assert found[0] == 1
    assert (found > 0).all()
    assert (np.diff(found) <= 0).all()


def test_the_factor_stays_at_the_final_fraction_after_the_last_step():
    found = Cosine(final_fraction=0.1).factor(np.array([8, 9, 100]), np.array(8), np.array(4))
    assert found == pytest.approx([0.1] * 3, rel=1e-15)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_final_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match=f"final_fraction.*{fraction}"):
        Cosine(final_fraction=fraction)
