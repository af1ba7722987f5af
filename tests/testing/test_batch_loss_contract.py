"""The contract accepts a good batch loss and catches each that breaks one of its rules."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest

from gmcore.nn.losses import PearsonCorrelation, SquaredError
from gmcore.ports import BatchLoss
from gmcore.testing.batch_loss import BatchLossContract
from gmcore.testing.loss import LossContract

PEARSON = PearsonCorrelation()


def scaled(outputs, targets, weights, *, settings, xp):
    return settings["scale"] * PEARSON.of_batch(outputs, targets, weights, settings={}, xp=xp)


@attrs.frozen(kw_only=True)
class Broken(BatchLoss):
    """A correlation times a setting, of which some members are replaced."""

    check: Callable[..., None] = PEARSON.check
    of_batch: Callable[..., Any] = scaled
    settings: Mapping[str, float] = {"scale": 2.0}


class TestScaled(BatchLossContract):
    def loss(self):
        return Broken()


def with_loss(change):
    return lambda *args, xp, **named: change(scaled(*args, xp=xp, **named), xp)


def with_weights(change):
    return lambda outputs, targets, weights, *, xp, **named: scaled(
        outputs, targets, change(weights, xp), xp=xp, **named
    )


def with_outputs(change):
    return lambda outputs, *args, xp, **named: scaled(change(outputs, xp), *args, xp=xp, **named)


def by_the_first_row(outputs, targets, weights, *, settings, xp):
    return scaled(outputs - outputs[:1] * xp.square(outputs), targets, weights, settings=settings, xp=xp)


def dividing_by_the_weights(outputs, targets, weights, *, settings, xp):
    errors = xp.sum(weights * xp.squeeze(xp.square(outputs - targets)[:, :1], -1))
    with np.errstate(all="ignore"):
        return settings["scale"] * errors / xp.sum(weights)


def of_known_scale(*args, settings, **named):
    return scaled(*args, settings={"scale": float(settings["scale"])}, **named)


def of_own_scale(*args, settings, **named):
    return scaled(*args, settings={"scale": 2.0}, **named)


def of_numbers(*args, settings, **named):
    times = 1 if isinstance(settings["scale"], float) else 2
    return scaled(*args, settings={"scale": times * settings["scale"]}, **named)


BROKEN = {
    "refused_with_a_config_error": {"check": lambda target: None},
    "finite_numbers_by_name": {"settings": {"scale": np.float32(2.0)}},
    "finite_scalar": {"of_batch": with_loss(lambda loss, xp: xp.reshape(loss, (1,)))},
    "in_the_dtype_of_the_outputs": {"of_batch": with_loss(lambda loss, xp: np.float64(loss))},
    "order_of_the_rows": {"of_batch": by_the_first_row},
    "weight_2": {"of_batch": with_weights(lambda weights, xp: xp.minimum(weights, 1.0))},
    "weight_0": {"of_batch": with_weights(lambda weights, xp: weights + 0.01)},
    "as_arrays_equal": {"of_batch": of_numbers},
    "every_setting": {"of_batch": of_own_scale},
    "central_differences": {"of_batch": with_outputs(lambda outputs, xp: xp.stop_gradient(outputs) + 0 * outputs)},
    "no_rows": {"of_batch": dividing_by_the_weights},
    "of_each_alone": {"of_batch": of_known_scale},
}

# Errors of the loss itself: jax raises a TypeError and MLX a ValueError where a traced value is read.
RAISES = {"of_each_alone": (TypeError, ValueError)}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_batch_loss_is_caught(rule):
    class Contract(BatchLossContract):
        def loss(self):
            return Broken(**BROKEN[rule])

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(RAISES.get(rule, AssertionError)):
        getattr(Contract(), check)()


def test_losses_of_rows_that_are_shares_of_the_batchs_are_caught():
    @attrs.frozen(kw_only=True)
    class Shared(Broken):
        def of_rows(self, outputs, *args, **named):
            return super().of_rows(outputs, *args, **named) / len(outputs)

    class Contract(BatchLossContract):
        def loss(self):
            return Shared()

    with pytest.raises(AssertionError):
        Contract().test_of_rows_repeats_the_loss_of_rows_of_weight_1()


def test_a_batch_loss_is_refused_by_the_suite_of_losses_per_row_and_the_other_way_round():
    class OfRows(LossContract):
        def loss(self):
            return PEARSON

    class OfABatch(BatchLossContract):
        def loss(self):
            return SquaredError()

    with pytest.raises(AssertionError, match="BatchLossContract"):
        OfRows().test_it_is_a_loss_of_rows()
    with pytest.raises(AssertionError):
        OfABatch().test_it_is_a_loss_of_a_batch()
