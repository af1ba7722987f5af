"""Validators of the settings of optimizers."""

import math

from attrs.validators import and_, ge, gt, lt

__all__ = ["DECAY", "NOT_NEGATIVE", "POSITIVE"]

POSITIVE = and_(gt(0.0), lt(math.inf))
NOT_NEGATIVE = and_(ge(0.0), lt(math.inf))
DECAY = and_(ge(0.0), lt(1.0))
"""A share of a moving average, from 0 up to but not including 1."""
