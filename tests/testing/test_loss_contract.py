"""The contract accepts a good loss and catches each that breaks one of its rules."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest

from gmcore.nn.losses import Huber
from gmcore.ports import Loss
from gmcore.testing.loss import LossContract

HUBER = Huber(delta=0.5)


class TestHuber(LossContract):
    def loss(self):
        return HUBER


@attrs.frozen(kw_only=True)
class Broken(Loss):
    """A Huber loss of which some members are replaced."""

    check: Callable[..., None] = HUBER.check
    of_rows: Callable[..., Any] = HUBER.of_rows
    settings: Mapping[str, float] = HUBER.settings


def refusing(target):
    raise ValueError(f"{target.names} can't be used")


def with_losses(change):
    """Return an `of_rows` that changes the rows' losses."""
    return lambda *args, xp, **named: change(HUBER.of_rows(*args, xp=xp, **named), xp)


def of_numbers(outputs, targets, *, settings, xp):
    delta = settings["delta"] if isinstance(settings["delta"], float) else 2 * settings["delta"]
    return HUBER.of_rows(outputs, targets, settings={"delta": delta}, xp=xp)


def of_other_outputs(change):
    """Return an `of_rows` that changes the outputs, with the gradient that goes with it."""
    return lambda outputs, *args, xp, **named: HUBER.of_rows(change(outputs, xp), *args, xp=xp, **named)


def of_known_delta(outputs, targets, *, settings, xp):
    return HUBER.of_rows(outputs, targets, settings={"delta": float(settings["delta"])}, xp=xp)


def of_own_delta(outputs, targets, *, settings, xp):
    return HUBER.of_rows(outputs, targets, settings=HUBER.settings, xp=xp)


BROKEN = {
    "refused_with_a_config_error": {"check": lambda target: None},
    "or_refused_with_a_config_error": {"check": refusing},
    "finite_numbers_by_name": {"settings": {"delta": np.float32(0.5)}},
    "one_finite_number": {"of_rows": with_losses(lambda losses, xp: xp.mean(losses))},
    "in_the_dtype_of_the_outputs": {"of_rows": with_losses(lambda losses, xp: losses.astype(np.float64))},
    "depend_on_other_rows": {"of_rows": with_losses(lambda losses, xp: losses / losses.shape[0])},
    "padding_rows": {"of_rows": with_losses(lambda losses, xp: losses + 0.0 * xp.sum(losses))},
    "as_arrays_equal": {"of_rows": of_numbers},
    "every_setting": {"of_rows": of_own_delta},
    "lowers_the_loss": {"of_rows": with_losses(lambda losses, xp: xp.astype(losses > 1, xp.float))},
    "central_differences": {"of_rows": of_other_outputs(lambda outputs, xp: xp.stop_gradient(outputs) + 0 * outputs)},
    "of_each_alone": {"of_rows": of_known_delta},
}

# Errors of the loss itself: jax raises a TypeError and MLX a ValueError where a traced value is read.
RAISES = {"or_refused_with_a_config_error": ValueError, "of_each_alone": (TypeError, ValueError)}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_loss_is_caught(rule):
    class Contract(LossContract):
        def loss(self):
            return Broken(**BROKEN[rule])

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(RAISES.get(rule, AssertionError)):
        getattr(Contract(), check)()
