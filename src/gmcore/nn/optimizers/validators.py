"""What the numbers of optimizers may be."""

import math

from attrs.validators import and_, ge, gt, lt

__all__ = ["DECAY", "NOT_NEGATIVE", "POSITIVE"]

POSITIVE = and_(gt(0.0), lt(math.inf))
NOT_NEGATIVE = and_(ge(0.0), lt(math.inf))
DECAY = and_(ge(0.0), lt(1.0))
"""The share of a running mean that is kept at each step."""
