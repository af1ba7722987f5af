"""Checks of gradient strategies: what layers are given in their training passes."""

from gmcore.testing.gradient_checks.comparison import assert_close, assert_uphill, repeat_the_first, set_rows
from gmcore.testing.gradient_checks.training_pass import (
    check_inner_strategies,
    check_training_pass,
    recurrent_gradient,
)

__all__ = [
    "assert_close",
    "assert_uphill",
    "check_inner_strategies",
    "check_training_pass",
    "recurrent_gradient",
    "repeat_the_first",
    "set_rows",
]
