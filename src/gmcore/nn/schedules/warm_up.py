"""The first steps, in which the learning rate rises to what it should be."""

from typing import Any

import attrs
import numpy as np
from attrs.validators import and_, ge, lt

__all__ = ["SHARE", "STEPS", "check_only_one", "warm_up", "warm_up_steps"]

STEPS = ge(0)
SHARE = and_(ge(0.0), lt(1.0))


def check_only_one(schedule: Any, _: "attrs.Attribute[float]", fraction: float) -> None:
    """Raise if a warm-up is given both as steps and as a fraction."""
    if fraction and schedule.warmup_steps:
        both = f"{schedule.warmup_steps} and {fraction}"
        raise ValueError(f"give warmup_steps or warmup_fraction, not both, got {both}")


def warm_up_steps(steps: int, fraction: float, total_steps: np.ndarray) -> np.ndarray:
    """Return how many steps warm up, the nearest whole number where a fraction of all is given."""
    return np.asarray(np.rint(fraction * np.asarray(total_steps, np.float64)) if fraction else steps, np.float64)


def warm_up(step: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the factor at `step`: a straight line from `1 / (steps + 1)` at step 0 to 1 at step `steps`."""
    return np.asarray(np.minimum(1.0, (np.asarray(step, np.float64) + 1) / (steps + 1)))
