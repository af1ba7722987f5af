"""Float functions for float32, mostly MLX's own."""

import math

import mlx.core as mx

from gm_metal_backend.namespace.random import bits
from gmcore.domain import Array

__all__ = [
    "cos",
    "erf",
    "exp",
    "expm1",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "normal",
    "sigmoid",
    "sin",
    "softmax",
    "softplus",
    "uniform",
]

expm1 = mx.expm1
sin = mx.sin
cos = mx.cos
sigmoid = mx.sigmoid
logsumexp = mx.logsumexp
logaddexp = mx.logaddexp

_LARGE = 88.0
_SMALL = 0.5
_TERMS = 6


def exp(x: Array) -> Array:
    """Return e to the power of x; MLX's own overflows on the CPU from 88 on, float32 only from 88.7 on."""
    return mx.exp(mx.minimum(x, _LARGE)) * mx.exp(mx.maximum(x - _LARGE, 0.0))


def erf(x: Array) -> Array:
    """Return the error function: near 0, where MLX's own is off by 1e-4, its Taylor series."""
    small = mx.clip(x, -_SMALL, _SMALL)
    square = small * small
    series = mx.ones_like(x)
    for order in range(_TERMS, 0, -1):
        series = 1.0 - square * series * ((2 * order - 1) / (order * (2 * order + 1)))
    return mx.where(mx.abs(x) < _SMALL, small * series * (2 / math.sqrt(math.pi)), mx.erf(x))


def softplus(x: Array) -> Array:
    """Return `log(1 + exp(x))`."""
    return mx.logaddexp(x, 0.0)


def softmax(x: Array, axis: int) -> Array:
    """Return `exp(x)` divided by its sum."""
    return mx.softmax(x, axis=axis)


def log_softmax(x: Array, axis: int) -> Array:
    """Return the logarithm of `softmax`."""
    # Less the largest one: a logarithm near 0 is small beside large inputs.
    shifted = x - mx.stop_gradient(mx.max(x, axis=axis, keepdims=True))
    return shifted - mx.logsumexp(shifted, axis=axis, keepdims=True)


def uniform(key: Array, shape: tuple[int, ...]) -> Array:
    """Return draws from [0, 1) with 24 random bits each."""
    return (bits(key, shape) // 256).astype(mx.float32) * 2.0**-24


def normal(key: Array, shape: tuple[int, ...]) -> Array:
    """Return draws from the standard normal distribution."""
    return mx.random.normal(shape, key=key)
