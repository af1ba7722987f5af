"""How a layer's weights start: drawn on the host, so that every backend and both dtypes start the same."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

__all__ = [
    "INITIALIZATIONS",
    "Initialization",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "torch_linear",
]

Initialization = Literal["torch", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal"]
Start = tuple[np.ndarray, np.ndarray]


def torch_linear(rng: np.random.Generator, fan_in: int, fan_out: int) -> Start:
    """Return a weight `(fan_in, fan_out)` and a bias `(fan_out,)`, even between `±1 / sqrt(fan_in)`.

    What `torch.nn.Linear` does; for the weight it is the customary rule that Glorot and Bengio (2010) begin with
    (their equation 1), which LeCun et al. (1998, "Efficient BackProp") had derived with three times the variance.
    """
    limit = 1 / math.sqrt(max(fan_in, 1))
    return rng.uniform(-limit, limit, (fan_in, fan_out)), rng.uniform(-limit, limit, fan_out)


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> Start:
    """Return a weight `(fan_in, fan_out)`, even between `±sqrt(6 / (fan_in + fan_out))`, and a bias of 0.

    A compromise between the variance of what goes forward and of the gradients that come back, for layers before
    tanh or nothing (Glorot and Bengio, 2010, equation 16).
    """
    return _uniform(rng, math.sqrt(6 / (fan_in + fan_out)), fan_in, fan_out)


def he_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> Start:
    """Return a weight `(fan_in, fan_out)` of mean 0 and standard deviation `sqrt(2 / fan_in)`, and a bias of 0.

    Keeps the variance of what goes forward through layers before a ReLU (He et al., 2015, equation 10).
    """
    return _normal(rng, math.sqrt(2 / max(fan_in, 1)), fan_in, fan_out)


def he_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> Start:
    """Return what `he_normal` does with the weight even between `±sqrt(6 / fan_in)`, of the same deviation."""
    return _uniform(rng, math.sqrt(6 / max(fan_in, 1)), fan_in, fan_out)


def lecun_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> Start:
    """Return a weight `(fan_in, fan_out)` of mean 0 and standard deviation `1 / sqrt(fan_in)`, and a bias of 0.

    Keeps the variance of what goes forward through layers before something that is near the identity
    (LeCun et al., 1998, "Efficient BackProp", section 4.6).
    """
    return _normal(rng, 1 / math.sqrt(max(fan_in, 1)), fan_in, fan_out)


INITIALIZATIONS: Mapping[Initialization, Callable[[np.random.Generator, int, int], Start]] = {
    "torch": torch_linear,
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "lecun_normal": lecun_normal,
}


def _uniform(rng: np.random.Generator, limit: float, fan_in: int, fan_out: int) -> Start:
    return rng.uniform(-limit, limit, (fan_in, fan_out)), np.zeros(fan_out)


def _normal(rng: np.random.Generator, deviation: float, fan_in: int, fan_out: int) -> Start:
    return rng.standard_normal((fan_in, fan_out)) * deviation, np.zeros(fan_out)
