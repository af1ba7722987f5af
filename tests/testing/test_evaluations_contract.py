"""The checks of optimizers that evaluate losses accept a good one and find the mistake in each broken one."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers import LBFGS
from gmcore.ports import Evaluation, SupportsEvaluations
from gmcore.testing.optimizer import OptimizerContract


class TestLBFGS(OptimizerContract):
    abilities = (SupportsEvaluations,)

    def optimizer(self):
        return LBFGS(history=3)


@attrs.frozen(kw_only=True)
class Broken(LBFGS):
    """L-BFGS with a change of its step."""

    change: Callable[..., Any]

    def minimize(self, *args, **named):
        return self.change(super().minimize, *args, **named)


def ignoring_the_mask(own, *args, taken, **named):
    return own(*args, taken=np.ones_like(taken), **named)


def waiting_for_all(own, *args, taken, **named):
    return own(*args, taken=taken & taken.all(), **named)


def with_the_same_length_for_all(own, evaluate, first, *args, **named):
    together = lambda evaluation: Evaluation(evaluation.losses * 0 + evaluation.losses.sum(), evaluation.gradients)
    return own(lambda params: together(evaluate(params)), together(first), *args, **named)


def uphill(own, evaluate, first, state, params, **named):
    moved, state = own(evaluate, first, state, params, **named)
    return tree_map(lambda new, old: 2 * old - new, moved, params), state


def in_float64(own, *args, **named):
    return tuple(tree_map(lambda leaf: leaf.astype(np.float64), tree) for tree in own(*args, **named))


BROKEN = [
    ("without_a_step_of_evaluations", ignoring_the_mask),
    ("without_a_step_of_evaluations", waiting_for_all),
    ("of_a_member_are_its_own", with_the_same_length_for_all),
    ("lower_the_loss", uphill),
    ("keep_shapes_and_dtypes", in_float64),
]


@pytest.mark.parametrize(("rule", "change"), BROKEN, ids=[change.__name__ for _, change in BROKEN])
def test_a_broken_step_with_evaluations_is_caught(rule, change):
    class Contract(OptimizerContract):
        abilities = (SupportsEvaluations,)

        def optimizer(self):
            return Broken(history=3, change=change)

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises(AssertionError):
        getattr(Contract(), check)()


def test_an_ability_that_the_suite_does_not_state_is_caught():
    class Contract(OptimizerContract):
        def optimizer(self):
            return LBFGS()

    with pytest.raises(AssertionError, match="has SupportsEvaluations"):
        Contract().test_it_is_an_optimizer_with_the_abilities_of_the_suite()
