"""Float functions for float64: MLX 0.32's own are accurate to float32 only, and its `exp(100)` is infinite.

They and their gradients are built from the functions that are accurate in MLX: `power`, `tan`, `log`, `log1p`, `sqrt`.
"""

import math

import mlx.core as mx
import numpy as np
from numpy.polynomial import chebyshev

from gm_metal_backend.namespace.elementwise import with_gradient
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

# The relative error of math.e: power(math.e, x) is off by x times that.
_E_REST = 1.4456468917292502e-16 / math.e
_UNDERFLOW = -746.0


def exp(x: Array) -> Array:
    """Return e to the power of x."""
    bounded = mx.maximum(x, _UNDERFLOW)
    power = mx.power(math.e, bounded)
    return power + power * (bounded * _E_REST)


@with_gradient(exp)
def expm1(x: Array) -> Array:
    """Return `exp(x) - 1`."""
    return mx.expm1(x)


@with_gradient(lambda x: -sin(x))
def cos(x: Array) -> Array:
    """Return the cosine: magnitude from `tan(x)`, accurate near the zeros, too; sign from `tan(x / 2)`."""
    whole, half = mx.tan(x), mx.tan(x * 0.5)
    return mx.where(mx.abs(half) <= 1.0, 1.0, -1.0) * mx.rsqrt(1.0 + whole * whole)


@with_gradient(cos)
def sin(x: Array) -> Array:
    """Return the sine."""
    half = mx.tan(x * 0.5)
    return 2.0 * half / (1.0 + half * half)


# erf: a series of positive terms up to _NEAR, 1 minus an interpolated erfc up to _FAR, 1 beyond.
_NEAR, _FAR, _TERMS = 2.0, 6.0, 34
_HALF = (_FAR - _NEAR) / 2
_ERFC = [float(c) for c in chebyshev.chebinterpolate(np.vectorize(lambda t: math.erfc(_NEAR + _HALF * (t + 1))), 28)]


@with_gradient(lambda x: (2 / math.sqrt(math.pi)) * exp(-x * x))
def erf(x: Array) -> Array:
    """Return the error function; near 0 by Abramowitz and Stegun 7.1.6."""
    size = mx.abs(x)
    near = mx.minimum(size, _NEAR)
    series = mx.ones_like(x)
    for order in range(_TERMS, 0, -1):
        series = 1.0 + series * (near * near) * (2 / (2 * order + 1))
    place = (mx.clip(size, _NEAR, _FAR) - _NEAR) / _HALF - 1.0
    far, before = mx.zeros_like(x), mx.zeros_like(x)
    for coefficient in reversed(_ERFC[1:]):
        far, before = coefficient + 2.0 * place * far - before, far
    far = 1.0 - (_ERFC[0] + place * far - before)
    near = (2 / math.sqrt(math.pi)) * near * exp(-near * near) * series
    return mx.where(x < 0, -1.0, 1.0) * mx.where(size < _NEAR, near, far)


def sigmoid(x: Array) -> Array:
    """Return `1 / (1 + exp(-x))`."""
    shrunk = _exp_of_minus_abs(x)
    return mx.where(x > 0, mx.ones_like(x), shrunk) / (1.0 + shrunk)


def softplus(x: Array) -> Array:
    """Return `log(1 + exp(x))`."""
    return mx.log1p(_exp_of_minus_abs(x)) + mx.where(x > 0, x, mx.zeros_like(x))


def logaddexp(x: Array, y: Array) -> Array:
    """Return `log(exp(x) + exp(y))`; equal numbers apart, also because infinite ones have no difference."""
    larger = mx.maximum(x, y) + mx.log1p(exp(-mx.abs(x - y)))
    return mx.where(x == y, 0.5 * x + 0.5 * y + math.log(2), larger)


def logsumexp(x: Array, axis: int, keepdims: bool = False) -> Array:
    """Return the logarithm of the sum of `exp(x)`."""
    largest = _finite_max(x, axis)
    total = mx.log(mx.sum(exp(x - largest), axis=axis, keepdims=True)) + largest
    return total if keepdims else mx.squeeze(total, axis)


def softmax(x: Array, axis: int) -> Array:
    """Return `exp(x)` divided by its sum."""
    shares = exp(x - _constant_max(x, axis))
    return shares / mx.sum(shares, axis=axis, keepdims=True)


def log_softmax(x: Array, axis: int) -> Array:
    """Return the logarithm of `softmax`."""
    shifted = x - _constant_max(x, axis)
    return shifted - mx.log(mx.sum(exp(shifted), axis=axis, keepdims=True))


def uniform(key: Array, shape: tuple[int, ...]) -> Array:
    """Return draws from [0, 1) with 53 random bits each, taken from two 32-bit words."""
    words = bits(key, (2, *shape))
    high, low = (words[0] // 32).astype(mx.float64), (words[1] // 64).astype(mx.float64)
    return (high * 2.0**26 + low) * 2.0**-53


def normal(key: Array, shape: tuple[int, ...]) -> Array:
    """Return draws from the standard normal distribution (Box and Muller, 1958)."""
    draws = uniform(key, (2, *shape))
    return mx.sqrt(-2.0 * mx.log(1.0 - draws[0])) * cos(2 * math.pi * draws[1])


def _exp_of_minus_abs(x: Array) -> Array:
    # The gradient of abs would be 0 at 0.
    return exp(mx.where(x > 0, -x, x))


def _constant_max(x: Array, axis: int) -> Array:
    """Return the maximum as a constant; with an infinite one, all of `x - maximum` that should be NaN is."""
    return mx.stop_gradient(mx.max(x, axis=axis, keepdims=True))


def _finite_max(x: Array, axis: int) -> Array:
    largest = _constant_max(x, axis)
    return mx.where(mx.isfinite(largest), largest, mx.zeros_like(largest))
