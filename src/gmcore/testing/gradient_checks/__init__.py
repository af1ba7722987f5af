"""Checks of gradient strategies: what layers are given in their training passes."""

from gmcore.testing.gradient_checks.training_pass import (
    check_inner_strategies,
    check_training_pass,
    recurrent_gradient,
)

__all__ = ["check_inner_strategies", "check_training_pass", "recurrent_gradient"]
