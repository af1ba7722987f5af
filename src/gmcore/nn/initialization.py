"""Where weights start: drawn on the host, so that every backend and both dtypes start the same."""

import math
from typing import Literal

import numpy as np

__all__ = ["INITIALIZATIONS", "Initialization", "glorot_uniform", "he_normal"]

Initialization = Literal["he_normal", "glorot_uniform"]


def he_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Return `(fan_in, fan_out)` draws of mean 0 and standard deviation `sqrt(2 / fan_in)`.

    For layers before a ReLU and its like: keeps the variance of what goes forward (He et al., 2015).
    """
    return rng.standard_normal((fan_in, fan_out)) * math.sqrt(2 / max(fan_in, 1))


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Return `(fan_in, fan_out)` draws, even between `-limit` and `limit = sqrt(6 / (fan_in + fan_out))`.

    For layers before tanh, sigmoid or nothing: keeps variances both ways (Glorot and Bengio, 2010).
    """
    limit = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, (fan_in, fan_out))


INITIALIZATIONS = {"he_normal": he_normal, "glorot_uniform": glorot_uniform}
