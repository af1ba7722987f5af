"""A speed measurement of a backend: matrix products and scan steps, through its port."""

import time
from collections.abc import Callable

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.ports import Backend

__all__ = ["Speed", "probe"]

_SIDE = 1024
_PRODUCTS = 4
_STEPS = 1000
_REPEATS = 3


@attrs.frozen(kw_only=True)
class Speed:
    """Measured speed, the best of three runs.

    Attributes:
        matmul_gflops: billions of floating-point operations per second in products of 1024 by 1024 matrices.
        step_microseconds: time of one step of a scan that computes next to nothing, in microseconds.
    """

    matmul_gflops: float
    step_microseconds: float


def probe(backend: Backend) -> Speed:
    """Measure a backend; takes about a second."""
    side = np.eye(_SIDE)[::-1].copy()
    products = _seconds(backend, lambda carry, _, matrix: (carry @ matrix, None), side, _PRODUCTS, side)
    steps = _seconds(backend, lambda carry, _, half: (carry * half, None), np.ones(8), _STEPS, np.full(8, 0.5))
    return Speed(
        matmul_gflops=2 * _SIDE**3 * _PRODUCTS / products / 1e9,
        step_microseconds=steps / _STEPS * 1e6,
    )


def _seconds(
    backend: Backend,
    step: Callable[[Array, Array, Array], tuple[Array, None]],
    carry: np.ndarray,
    count: int,
    shared: np.ndarray,
) -> float:
    """Return the seconds that `count` steps take, without compilation."""
    start, constant = backend.asarray(carry), backend.asarray(shared)
    counter = np.arange(count, dtype=np.int32)
    seconds = []
    for _ in range(1 + _REPEATS):
        begun = time.perf_counter()
        end, _ys = backend.scan(step, start, counter, constant)
        backend.to_numpy(end)
        seconds.append(time.perf_counter() - begun)
    return min(seconds[1:])
