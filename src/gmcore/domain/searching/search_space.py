"""The space of a search: for each setting, the values to try or a range to draw from."""

import math
from collections.abc import Mapping
from typing import TypeAlias

import attrs
import numpy as np

__all__ = ["MOST_TRIALS", "Range", "SearchSpace"]

MOST_TRIALS = 10_000
"""The largest number of trials in a search."""


def _finite(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be finite, got {value}")


@attrs.frozen(kw_only=True)
class Range:
    """A range of numbers to draw from.

    Attributes:
        low: lower bound.
        high: upper bound.
        log: whether the logarithm is uniform, so that 0.001 to 0.01 is as likely as 0.01 to 0.1.
        integer: whether only whole numbers are drawn, including the bounds.
    """

    low: float = attrs.field(validator=_finite)
    high: float = attrs.field(validator=_finite)
    log: bool = False
    integer: bool = False

    def __attrs_post_init__(self) -> None:
        """Check the bounds."""
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true requires low above 0, got {self.low:g}")
        if self.integer and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ValueError(f"integer = true requires whole bounds, got {self.low:g} and {self.high:g}")

    def __contains__(self, value: object) -> bool:
        """Return whether a value may be drawn from the range."""
        kind = int if self.integer else (int, float)
        return isinstance(value, kind) and not isinstance(value, bool) and self.low <= value <= self.high

    def draw(self, rng: np.random.Generator) -> float | int:
        """Return a random number from the range."""
        if self.integer and not self.log:
            return int(rng.integers(int(self.low), int(self.high), endpoint=True))
        # A whole number gets the interval from itself to the next one.
        high = self.high + 1 if self.integer else self.high
        drawn = rng.uniform(math.log(self.low), math.log(high)) if self.log else rng.uniform(self.low, high)
        number = min(max(math.exp(drawn) if self.log else drawn, self.low), self.high)
        return int(number) if self.integer else float(number)


SearchSpace: TypeAlias = Mapping[str, tuple[object, ...] | Range]
"""By dotted path in the run file, the values to try, or a range of numbers."""
