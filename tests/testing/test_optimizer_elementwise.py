"""The suite for optimizers finds a rule that says it is elementwise, and is not."""

import attrs
import pytest

from gmcore.nn.optimizers import SGD, Rule
from gmcore.nn.settings import member_field
from gmcore.testing import OptimizerContract


@attrs.frozen(kw_only=True)
class Normed(Rule):
    """Divides a gradient by its array's largest element, which is not elementwise."""

    learning_rate: float = member_field(default=0.1)
    elementwise = True

    def move(self, leaf, slots):
        largest = leaf.xp.max(leaf.xp.abs(leaf.gradient), axis=tuple(range(1, leaf.gradient.ndim)), keepdims=True)
        return leaf.parameter - leaf.coefficients["learning_rate"] * leaf.gradient / largest


class Suite(OptimizerContract):
    __test__ = False

    def __init__(self, made):
        self.made = made

    def optimizer(self):
        return self.made


def test_a_rule_that_uses_a_norm_is_not_elementwise():
    with pytest.raises(AssertionError, match="depends on the arrays' shapes"):
        Suite(Normed()).test_an_elementwise_rule_gives_the_same_numbers_on_one_array()
    Suite(SGD(learning_rate=0.1, momentum=0.9)).test_an_elementwise_rule_gives_the_same_numbers_on_one_array()
