"""The contract accepts a good optimizer and finds the mistake in each broken one."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers import SGD
from gmcore.ports import Optimizer
from gmcore.testing.optimizer import OptimizerContract


class TestMomentum(OptimizerContract):
    def optimizer(self):
        return SGD(momentum=0.9)


@attrs.frozen
class Broken(Optimizer):
    """Momentum with some of its methods replaced."""

    replaced: dict[str, Callable[..., Any]]
    sgd: Any = attrs.field(factory=lambda: SGD(momentum=0.9))

    def _call(self, name, *args, **named):
        own = getattr(self.sgd, name)
        return self.replaced[name](own, *args, **named) if name in self.replaced else own(*args, **named)

    @property
    def settings(self):
        return self.replaced.get("settings", self.sgd.settings)

    @property
    def linear_in_rate(self):
        return self.replaced.get("linear_in_rate", self.sgd.linear_in_rate)

    def init(self, *args, **named):
        return self._call("init", *args, **named)

    def coefficients(self, *args):
        return self._call("coefficients", *args)

    def update(self, *args, **named):
        return self._call("update", *args, **named)


def ignoring_the_mask(own, *args, taken, **named):
    return own(*args, taken=np.ones_like(taken), **named)


def sharing_the_mean(own, gradients, *args, **named):
    return own(tree_map(lambda leaf: leaf - 0.01 * leaf.mean(axis=0), gradients), *args, **named)


def waiting_for_all(own, *args, taken, **named):
    return own(*args, taken=taken & taken.all(), **named)


def uphill(own, gradients, *args, **named):
    return own(tree_map(lambda leaf: -leaf, gradients), *args, **named)


def in_float64(own, *args, **named):
    return tuple(tree_map(lambda leaf: leaf.astype(np.float64), tree) for tree in own(*args, **named))


def in_place(own, gradients, *args, **named):
    tree_map(lambda leaf: np.clip(leaf, -1, 1, out=leaf), gradients)
    return own(gradients, *args, **named)


def with_a_flat_state(own, *args, **named):
    params, state = own(*args, **named)
    return params, tree_map(lambda leaf: leaf.reshape(len(leaf), -1), state)


def without_the_members(own, params, **named):
    return {**own(params, **named), "count": np.zeros(())}


def counting():
    calls = []

    def coefficients(own, step, settings):
        calls.append(step)
        return {name: values / len(calls) for name, values in own(step, settings).items()}

    return coefficients


def remembering():
    calls = []

    def update(own, gradients, *args, **named):
        calls.append(gradients)
        return own(tree_map(lambda leaf: leaf / len(calls), gradients), *args, **named)

    return update


def changed_coefficients(change):
    return lambda own, step, settings: {name: change(values) for name, values in own(step, settings).items()}


def without_dampening(own, step, settings):
    return own(step, {**settings, "dampening": np.zeros(1)})


def reciprocal(own, step, settings):
    with np.errstate(divide="ignore"):
        return {**own(step, settings), "inverse": 1 / np.broadcast_to(settings["learning_rate"], step.shape)}


def with_the_square_of_the_rate(own, step, settings):
    planned = own(step, settings)
    return {**planned, "square": np.square(planned["learning_rate"])}


def with_an_array_twice(own, params, **named):
    state = own(params, **named)
    return {**state, "again": state["momentum"]}


BROKEN = [
    ("with_a_learning_rate", {"settings": {"momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0}}),
    ("every_setting_has_an_effect", {"coefficients": without_dampening}),
    ("have_the_shape_of_the_steps", {"coefficients": changed_coefficients(lambda values: values[0])}),
    ("steps_and_are_finite", {"coefficients": reciprocal}),
    ("depend_on_the_step_and_the_settings_alone", {"coefficients": counting()}),
    ("depend_on_the_step_and_the_settings_alone", {"coefficients": changed_coefficients(lambda c: c - c.mean() / 9)}),
    ("linear_in_the_rate", {"linear_in_rate": ()}),
    ("linear_in_the_rate", {"linear_in_rate": ("rate",)}),
    ("linear_in_the_rate", {"linear_in_rate": ("learning_rate", "momentum")}),
    ("linear_in_the_rate", {"coefficients": changed_coefficients(np.square)}),
    ("linear_in_the_rate", {"coefficients": with_the_square_of_the_rate}),
    ("keep_their_shapes_and_dtype", {"update": in_float64}),
    ("keep_their_shapes_and_dtype", {"update": with_a_flat_state}),
    ("keep_their_shapes_and_dtype", {"init": without_the_members}),
    ("fresh_state_twice", {"init": with_an_array_twice}),
    ("fresh_state_twice", {"init": lambda own, params, **named: {**own(params, **named), "params": params}}),
    ("changed_in_place", {"update": in_place}),
    ("give_the_same_numbers_again", {"update": remembering()}),
    ("does_not_take_a_step", {"update": ignoring_the_mask}),
    ("take_the_step_as_if_all_did", {"update": sharing_the_mean}),
    ("take_the_step_as_if_all_did", {"update": waiting_for_all}),
    ("alone_as_in_a_fleet", {"update": sharing_the_mean}),
    ("downhill", {"update": uphill}),
]


@pytest.mark.parametrize(("rule", "replaced"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_optimizer_is_caught(rule, replaced):
    class Contract(OptimizerContract):
        def optimizer(self):
            return Broken(replaced)

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(AssertionError):
        getattr(Contract(), check)()


def test_a_gate_on_a_move_that_reads_the_gradient_is_caught():
    """`0 * NaN` is NaN."""

    @attrs.frozen(kw_only=True)
    class Gated(SGD):
        gate = "learning_rate"

    class Contract(OptimizerContract):
        def optimizer(self):
            return Gated()

    with pytest.raises(AssertionError, match="moved by gradients of nan"):
        Contract().test_a_member_that_does_not_take_a_step_stays_as_it_was()
