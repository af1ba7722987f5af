"""Weight initialization, drawn on the host, so that every backend and both dtypes start from the same numbers."""

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
WeightAndBias = tuple[np.ndarray, np.ndarray]
"""A weight and a bias, both float64.

The weight has the shape `(fan_in, fan_out)`, or `shape` if that is given; the bias has that of its last axis.
"""
Shape = tuple[int, ...]


def torch_linear(rng: np.random.Generator, fan_in: int, fan_out: int, shape: Shape | None = None) -> WeightAndBias:
    """Return a weight and a bias, both uniform on `±1 / sqrt(fan_in)`.

    The initialization of `torch.nn.Linear`. For the weight it is the heuristic of Glorot and Bengio (2010), equation 1;
    LeCun et al. (1998, "Efficient BackProp") derived three times its variance.
    """
    limit, shape = 1 / math.sqrt(max(fan_in, 1)), shape or (fan_in, fan_out)
    return rng.uniform(-limit, limit, shape), rng.uniform(-limit, limit, shape[-1])


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int, shape: Shape | None = None) -> WeightAndBias:
    """Return a weight uniform on `±sqrt(6 / (fan_in + fan_out))` and a bias of 0.

    Balances the variance of the forward signal and of the backward gradients, for layers followed by tanh or no
    activation (Glorot and Bengio, 2010, equation 16).
    """
    return _uniform(rng, math.sqrt(6 / (fan_in + fan_out)), shape or (fan_in, fan_out))


def he_normal(rng: np.random.Generator, fan_in: int, fan_out: int, shape: Shape | None = None) -> WeightAndBias:
    """Return a normal weight with mean 0 and standard deviation `sqrt(2 / fan_in)`, and a bias of 0.

    Preserves the variance of the forward signal in layers followed by a ReLU (He et al., 2015, equation 10).
    """
    return _normal(rng, math.sqrt(2 / max(fan_in, 1)), shape or (fan_in, fan_out))


def he_uniform(rng: np.random.Generator, fan_in: int, fan_out: int, shape: Shape | None = None) -> WeightAndBias:
    """Return a weight uniform on `±sqrt(6 / fan_in)`, with the standard deviation of `he_normal`, and a bias of 0."""
    return _uniform(rng, math.sqrt(6 / max(fan_in, 1)), shape or (fan_in, fan_out))


def lecun_normal(rng: np.random.Generator, fan_in: int, fan_out: int, shape: Shape | None = None) -> WeightAndBias:
    """Return a normal weight with mean 0 and standard deviation `1 / sqrt(fan_in)`, and a bias of 0.

    Preserves the variance of the forward signal in layers whose activation is near the identity around 0
    (LeCun et al., 1998, "Efficient BackProp", section 4.6).
    """
    return _normal(rng, 1 / math.sqrt(max(fan_in, 1)), shape or (fan_in, fan_out))


INITIALIZATIONS: Mapping[Initialization, Callable[..., WeightAndBias]] = {
    "torch": torch_linear,
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "lecun_normal": lecun_normal,
}


def _uniform(rng: np.random.Generator, limit: float, shape: Shape) -> WeightAndBias:
    return rng.uniform(-limit, limit, shape), np.zeros(shape[-1])


def _normal(rng: np.random.Generator, deviation: float, shape: Shape) -> WeightAndBias:
    return rng.standard_normal(shape) * deviation, np.zeros(shape[-1])
