"""Checks of a backend's `compute` dtype against exact results."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable

import numpy as np

from gmcore.domain import Array
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, Namespace

__all__ = ["assert_float_gradients", "assert_multiplies", "assert_stays_narrow", "unit_roundoff"]

_ROUNDOFF = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}
_FUNCTIONS = "relu sigmoid tanh exp expm1 erf softplus square sin cos abs"


def unit_roundoff(dtype: str) -> float:
    """Return the largest relative error of rounding a number to `dtype`."""
    return _ROUNDOFF[dtype]


def assert_multiplies(backend: Backend) -> None:
    """Check products of matrices and of stacks of matrices: summed in at least float32 and rounded once."""
    assert backend.compute in _ROUNDOFF
    xp, rng = backend.xp, np.random.default_rng(0)

    def product(x: Array, y: Array) -> tuple[Array, Array]:
        narrow = xp.matmul(x, y)
        return narrow, xp.astype(narrow, xp.float)

    multiply = backend.compile(product)
    for shapes in (((6, 300), (300, 5)), ((3, 6, 300), (3, 300, 5))):
        (narrow_x, x), (narrow_y, y) = (_rounded(backend, rng.normal(size=shape)) for shape in shapes)
        narrow, in_float = multiply(narrow_x, narrow_y)
        assert narrow.dtype == xp.compute
        found, exact = backend.to_numpy(in_float), x @ y
        # Tolerance: half a unit in the last place of the result, and half a unit of float for each of the 300 summands.
        bound = unit_roundoff(backend.compute) * np.abs(exact) + 300 * unit_roundoff(backend.dtype) * (
            np.abs(x) @ np.abs(y)
        )
        assert (np.abs(found - exact) <= 1.01 * bound).all()


def assert_stays_narrow(backend: Backend) -> None:
    """Check that functions and Python numbers keep arrays in `compute`, accurate to its rounding."""
    xp, reference = backend.xp, NumPyNamespace("float64")
    narrow, exact = _rounded(backend, np.linspace(-3, 3, 24).reshape(4, 6))
    slack = 16 * unit_roundoff(backend.compute)

    def functions(x: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        return {name: getattr(xp, name)(x) for name in _FUNCTIONS.split()}, _rearranged(xp, x)

    computed, rearranged = backend.compile(functions, loops=True)(narrow)
    for name, found in computed.items():
        expected = getattr(reference, name)(exact)
        np.testing.assert_allclose(_float(backend, found), expected, rtol=slack, atol=slack, err_msg=name)
    with_numbers: Callable[[Array], dict[str, Array]] = backend.compile(lambda x: _with_numbers(xp, x))
    for named in (computed, rearranged, with_numbers(narrow)):
        assert {name: found.dtype for name, found in named.items()} == dict.fromkeys(named, xp.compute)


def assert_float_gradients(backend: Backend) -> None:
    """Check that gradients of float parameters multiplied in `compute` are float, and right for each member."""
    xp, rng = backend.xp, np.random.default_rng(1)
    x, weight = rng.normal(size=(50, 4)), rng.normal(size=(3, 4, 5))

    def member(weight: Array, x: Array) -> tuple[Array, None]:
        outputs = xp.matmul(xp.astype(x, xp.compute), xp.astype(weight, xp.compute))
        return xp.sum(xp.square(xp.astype(outputs, xp.float))), None

    def fleet(weight: Array, x: Array) -> tuple[Array, None]:
        return xp.sum(backend.vmap(member, in_axes=(0, None))(weight, x)[0]), None

    _, gradient = backend.compile(backend.value_and_grad(fleet))(backend.asarray(weight), backend.asarray(x))
    assert gradient.dtype == xp.float
    expected = 2 * np.swapaxes(x[None], -1, -2) @ (x @ weight)
    slack = 16 * unit_roundoff(backend.compute) * np.abs(expected).max()
    np.testing.assert_allclose(backend.to_numpy(gradient), expected, atol=slack, rtol=0)


def _with_numbers(xp: Namespace, x: Array) -> dict[str, Array]:
    return {
        "arithmetic": (1 + x * 2.5 - 1) / 3 + x**2,
        "where": xp.where(x > 0, x, 0.5),
        "maximum": xp.maximum(x, 0.1),
        "minimum": xp.minimum(0.1, x),
        "sum": xp.sum(x, axis=0),
        "mean": xp.mean(x, axis=0),
        "softmax": xp.softmax(x),
    }


def _rearranged(xp: Namespace, x: Array) -> dict[str, Array]:
    return {
        "clip": xp.clip(x, 0.1, 0.5),
        "logaddexp": xp.logaddexp(x, 0.1),
        "roll": xp.roll(xp.flip(x), 1, axis=0),
        "tril": xp.tril(x) + xp.triu(x),
        "top_k": xp.top_k(x, 2)[0],
        "segment_sum": xp.segment_sum(x, xp.arange(x.shape[0]), 2),
        "einsum": xp.einsum("ij,kj->ik", x, x),
        "scan": xp.scan(lambda carry, row: (carry + row, None), x[0], x)[0],
    }


def _rounded(backend: Backend, host: np.ndarray) -> tuple[Array, np.ndarray]:
    """Return an array in `compute` on the device, and the same numbers in float64."""
    narrow = backend.xp.astype(backend.asarray(host), backend.xp.compute)
    return narrow, _float(backend, narrow)


def _float(backend: Backend, narrow: Array) -> np.ndarray:
    host: np.ndarray = backend.to_numpy(backend.xp.astype(narrow, backend.xp.float)).astype(np.float64)
    return host
