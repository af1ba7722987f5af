import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.nn.layers import Dropout
from gmcore.ports import Pass

KEY = np.array([3, 5], np.uint32)


def test_it_is_the_identity_outside_training(apply):
    inputs = np.array([[1.0, np.nan, -2.0]])
    assert apply(Dropout(0.9), inputs) is inputs


def test_kept_inputs_are_scaled_so_that_the_mean_stays(apply):
    outputs = apply(Dropout(0.25), np.full((200, 100), 3.0), key=KEY)
    assert set(np.unique(outputs)) == {0.0, 4.0}
    assert (outputs == 0).mean() == pytest.approx(0.25, abs=0.015)  # 5 deviations of 20,000 draws


def test_a_rate_of_zero_is_the_identity_to_the_bit(apply):
    inputs = np.random.default_rng(0).normal(size=(50, 20))
    assert np.array_equal(apply(Dropout(0.0), inputs, key=KEY), inputs)


def test_equal_keys_drop_the_same_inputs(apply):
    first, again, other = (apply(Dropout(0.5), np.ones((8, 8)), key=key) for key in (KEY, KEY, KEY + np.uint32(1)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_rate_is_read_from_the_buffers(apply):
    rate = Variables(buffers={"rate": np.array(0.0)})
    assert apply(Dropout(0.5), np.ones((8, 8)), rate, key=KEY).all()


def test_each_member_of_a_fleet_has_its_own_rate(backend, program):
    def member(rate, key, inputs):
        at = Pass(xp=backend.xp, key=key, training=True)
        return Dropout(0.5).apply(Variables({}, {"rate": rate}), inputs, at)

    keys = np.array([[1, 2], [1, 2], [3, 4]], np.uint32)
    rates = backend.asarray(np.array([0.0, 0.5, 0.9]))
    fleet = program(backend.vmap(member, (0, 0, None)))
    left = backend.to_numpy(fleet(rates, backend.asarray(keys), backend.asarray(np.ones((100, 100)))))
    assert (left == 0).mean(axis=(1, 2)) == pytest.approx([0.0, 0.5, 0.9], abs=0.025)  # 5 deviations
    alone = fleet(rates[2:], backend.asarray(keys[2:]), backend.asarray(np.ones((100, 100))))
    assert np.array_equal(backend.to_numpy(alone)[0], left[2])


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(ValueError, match=f"rate.*{rate}"):
        Dropout(rate)
