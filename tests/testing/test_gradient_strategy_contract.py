"""The contract accepts good gradient strategies and finds the mistake in each broken one."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from gmcore.domain.tree import tree_map
from gmcore.nn.gradients import Backpropagation
from gmcore.ports import GradientStrategy
from gmcore.testing.gradient_strategy import GradientStrategyContract


@attrs.frozen(kw_only=True)
class Changed(GradientStrategy):
    """Backpropagation whose arguments or results are changed."""

    batch: Callable[..., Any] = lambda batch, backend: batch
    gradients: Callable[..., Any] = lambda gradients, xp: gradients
    losses: Callable[..., Any] = lambda losses, xp: losses
    buffers: Callable[..., Any] = lambda buffers, xp: buffers
    rows: Callable[[int], Any] = lambda size: size

    def gradient(self, loss, params, buffers, batch, *, backend):
        changed = self.batch(batch, backend)
        (value, (losses, after)), slopes = backend.value_and_grad(loss)(params, buffers, changed)
        xp = backend.xp
        return (value, (self.losses(losses, xp), self.buffers(after, xp))), self.gradients(slopes, xp)

    def rows_at_once(self, batch_size):
        return self.rows(batch_size)


def scaled(factor):
    return lambda tree, xp: tree_map(lambda leaf: leaf * factor, tree)


def with_the_mean_of_all_members(gradients, xp):
    return tree_map(lambda leaf: leaf + 0.01 * xp.mean(leaf, axis=0, keepdims=True), gradients)


def with_the_mean_of_the_losses(losses, xp):
    return losses - 0.01 * xp.mean(losses)


def of_equal_rows(batch, backend):
    return {**batch, "weights": backend.xp.astype(batch["weights"] > 0, backend.xp.float)}


def of_every_row(batch, backend):
    return {**batch, "weights": backend.xp.maximum(batch["weights"], 0.1)}


def without_keys(batch, backend):
    return {**batch, "key": backend.xp.zeros_like(batch["key"])}


def of_the_first_half(batch, backend):
    half = (batch["weights"].shape[1] + 1) // 2
    rows = {name: batch[name] for name in ("inputs", "targets", "weights")}
    return {**batch, **tree_map(lambda leaf: leaf[:, :half], rows)}


def counting():
    calls = []

    def gradients(tree, xp):
        calls.append(tree)
        return tree_map(lambda leaf: leaf / len(calls), tree)

    return gradients


BROKEN = [
    ("of_the_whole_batch", {"gradients": scaled(0.5)}),
    ("of_the_whole_batch", {"batch": of_the_first_half}),
    ("of_the_whole_batch", {"losses": lambda losses, xp: losses / 2}),
    ("of_the_whole_batch", {"gradients": lambda tree, xp: {**tree, "hidden": {"weight": tree["hidden"]["weight"]}}}),
    ("weight_0", {"batch": of_every_row}),
    ("weight_2", {"batch": of_equal_rows}),
    ("buffers_keep", {"buffers": lambda tree, xp: {name.upper(): leaf for name, leaf in tree.items()}}),
    ("buffers_keep", {"buffers": lambda tree, xp: {name: leaf[..., :1] for name, leaf in tree.items()}}),
    ("buffers_keep", {"buffers": lambda tree, xp: tree or {"mean": xp.zeros((10,))}}),
    ("spoils_no_other", {"gradients": with_the_mean_of_all_members}),
    ("spoils_no_other", {"losses": with_the_mean_of_the_losses}),
    ("pure_function", {"gradients": counting()}),
    ("random_numbers", {"batch": without_keys}),
    ("chunks", {"gradients": with_the_mean_of_all_members}),
    ("rows_at_once", {"rows": lambda size: size / 2}),
    ("rows_at_once", {"rows": lambda size: size // 32}),
    ("rows_at_once", {"rows": lambda size: size + 1}),
]


@pytest.mark.parametrize(("rule", "changes"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_strategy_is_caught(rule, changes):
    class Contract(GradientStrategyContract):
        def strategy(self):
            return Changed(**changes)

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(AssertionError):
        getattr(Contract(), check)()


def test_a_strategy_that_approximates_need_not_be_exact_but_must_point_uphill():
    class Approximate(GradientStrategyContract):
        exact = False

        def __init__(self, factor):
            self.factor = factor

        def strategy(self):
            return Changed(gradients=scaled(self.factor))

    Approximate(0.5).test_value_losses_and_gradient_are_those_of_the_whole_batch()
    with pytest.raises(AssertionError, match="points downhill"):
        Approximate(-0.5).test_value_losses_and_gradient_are_those_of_the_whole_batch()


@attrs.frozen
class Truncating(Backpropagation):
    """A strategy that truncates gradients, where exact ones are expected."""

    def training_pass(self, at, *, backend):
        return attrs.evolve(at, truncation=1)


@attrs.frozen
class Dropping(Backpropagation):
    """A strategy that drops what the one inside it changes."""

    then: GradientStrategy = attrs.field(factory=Backpropagation)


@attrs.frozen
class Weightless(Backpropagation):
    def training_pass(self, at, *, backend):
        return attrs.evolve(at, weights=None)


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("recurrent_layer", Truncating()),
        ("is_changed_in_truncation", Truncating()),
        ("is_changed_in_truncation", Weightless()),
        ("inside_is_handed_on", Dropping()),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_strategy_that_gives_layers_something_else_is_caught(rule, broken):
    class Contract(GradientStrategyContract):
        def strategy(self):
            return broken

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(AssertionError):
        getattr(Contract(), check)()


def test_something_else_is_no_strategy():
    class Contract(GradientStrategyContract):
        def strategy(self):
            return np.add

    with pytest.raises(AssertionError):
        Contract().test_it_is_a_gradient_strategy()
    assert isinstance(Backpropagation(), GradientStrategy)
