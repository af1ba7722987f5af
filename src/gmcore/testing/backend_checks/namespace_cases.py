"""Test cases for every function of a `Namespace`: ordinary numbers, extreme values and unusual shapes."""

import numpy as np

from gmcore.domain import Array
from gmcore.testing.backend_checks.array_cases import array_calls, smooth_array_calls
from gmcore.testing.backend_checks.call import Call
from gmcore.testing.backend_checks.window_cases import smooth_window_calls, window_calls

__all__ = ["Call", "calls", "smooth_calls"]

EDGES = (0.0, -0.0, 1e-5, -1e-5, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 10.0, -10.0, 30.0, -30.0, 80.0, -80.0, 88.6, -88.6)
FAR = (100.0, -100.0, 1e10, -1e10, np.inf, -np.inf, np.nan)


def calls(dtype: str) -> list[Call]:
    """Return calls of every function, with floats in `dtype`."""
    return [
        *_elementwise(dtype), *_pairs(dtype), *_reductions(dtype), *_shapes(dtype), *_networks(dtype), *_makers(),
        *array_calls(dtype), *window_calls(dtype),
    ]  # fmt: skip


def smooth_calls(dtype: str) -> list[Call]:
    """Return calls whose result is a smooth function of one argument, to test gradients."""
    x, square, positive = _numbers(dtype, 3, 4), _numbers(dtype, 4, 4), np.abs(_numbers(dtype, 3, 4)) + 0.5
    indices = np.array([[1], [0], [3]], np.int32)
    names = "square exp expm1 sin cos tanh erf relu sigmoid softplus softmax log_softmax"
    return [
        *(Call(name, (x,)) for name in names.split()),
        *(Call(name, (positive,)) for name in ("sqrt", "log", "log1p")),
        *(Call(name, (x,), {"axis": axis}) for name in ("sum", "mean", "var") for axis in (None, 0, (0, 1))),
        *(Call("logsumexp", (x,), {"axis": axis}) for axis in (0, -1)),
        Call("pow", (positive, np.asarray(2.5, dtype))),
        Call("remainder", (x, np.asarray(0.7, dtype))),
        Call("maximum", (x, x[::-1].copy() + 0.01)),
        Call("minimum", (x, x[::-1].copy() + 0.01)),
        Call("matmul", (x, square)),
        Call("take", (x, np.array([2, 0, 2, 1], np.int32)), {"axis": 0}),
        Call("take_along_axis", (x, indices), {"axis": 1}),
        Call("reshape", (x, (2, 6))),
        Call("permute_dims", (x, (1, 0))),
        Call("broadcast_to", (x, (2, 3, 4))),
        Call("cumsum", (x,), {"axis": 1}),
        Call("abs", (x,)),
        *smooth_array_calls(dtype),
        *smooth_window_calls(dtype),
    ]


def _numbers(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def _whole(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-5, 6, shape).astype(np.int32)


def _truths(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).random(shape) < 0.5  # noqa: PLR2004 - one half


def _elementwise(dtype: str) -> list[Call]:
    smooth = "square sqrt exp expm1 log log1p tanh erf relu sigmoid softplus"
    rest = "abs sign floor isnan isfinite zeros_like ones_like stop_gradient"
    near, far = np.array(EDGES, dtype), np.array(EDGES + FAR, dtype)
    inputs = [_numbers(dtype, 3, 4), far, _numbers(dtype, 0, 3), _numbers(dtype, 1), np.asarray(0.5, dtype)]
    return [
        *(Call(name, (x,)) for name in f"{smooth} {rest}".split() for x in inputs),
        *(Call(name, (x,)) for name in ("sin", "cos") for x in (inputs[0], near)),
        *(Call(name, (_whole(3, 4),)) for name in ("abs", "sign", "square")),
        *(
            Call("astype", (x, kind))
            for x in (_numbers(dtype, 5), _whole(5), _truths(5))
            for kind in ("float", "int32")
        ),
    ]


def _pairs(dtype: str) -> list[Call]:
    x, row, column = _numbers(dtype, 3, 4), _numbers(dtype, 4, seed=3), _numbers(dtype, 3, 1, seed=4)
    far = np.array(EDGES + FAR, dtype)
    return [
        *(
            Call(name, pair)
            for name in ("maximum", "minimum")
            for pair in ((x, row), (x, column), (x, 0.5), (far, far[::-1]))
        ),
        *(Call(name, pair) for name in ("floor_divide", "remainder") for pair in _divisions(dtype)),
        *(Call("pow", pair) for pair in ((np.abs(x), row), (x, 2.0), (x, 2), (far, 2.0))),
        *(
            Call("where", one)
            for one in (
                (_truths(3, 4), x, 0.0),
                (far > 0, far, 0.0),
                (_truths(3, 4), 0.0, row),
                (_truths(3, 4), x, column),
            )
        ),
        *(Call("where", (_truths(3, 4), _whole(3, 4), zero)) for zero in (0, 0.0)),
    ]


def _divisions(dtype: str) -> list[tuple[Array, Array]]:
    """Return pairs of all signs, whole and not, quotients that round up, shared operands, and floats by 0 and 1."""
    large = np.array([0, 1, -1, 7, -7, 146096, -146097, 2**31 - 1, -(2**31)], np.int32)
    divisors = np.array([1, -1, 7, -7, 400, 146097, -146097], np.int32)
    numbers = np.array([0.0, 0.3, 1.0, 6.0, -0.3, -1.0, 7.5, -7.5, 1e6, -1e-9], dtype)
    parts = np.array([0.1, -0.1, 2.0, -2.0, 7.0], dtype)
    far, row = np.array(FAR, dtype), _numbers(dtype, 4, seed=3)
    return [
        (large[:, None], divisors[2:]), (large[:-1, None], divisors), (large, 7), (large, -400), (146097, divisors),
        (numbers[:, None], parts), (numbers, 0.7), (numbers, -2), (3, parts),
        (numbers[:, None], np.array([0.0, 1.0, -1.0], dtype)),
        (far[:, None], np.array([3.0, -0.5], dtype)), (_numbers(dtype, 3, 4), row), (_numbers(dtype, 3, 4), row[:1]),
    ]  # fmt: skip


def _reductions(dtype: str) -> list[Call]:
    x, one, long = _numbers(dtype, 3, 4), _numbers(dtype, 1, 4), _numbers(dtype, 1000) + np.asarray(100, dtype)
    axes: tuple[int | tuple[int, ...] | None, ...] = (None, 0, -1, (0, 1))
    spread = [
        Call(name, (array,), {"axis": axis, "keepdims": keepdims})
        for name in ("sum", "mean", "var", "max", "min")
        for array in (x, one)
        for axis in axes
        for keepdims in (False, True)
    ]
    logical = [Call(name, (_truths(3, 4),), {"axis": axis}) for name in ("all", "any") for axis in axes]
    ordered = [Call(name, (x,), {"axis": axis}) for name in ("argmax", "sort", "argsort", "cumsum") for axis in (0, 1)]
    return [
        *spread, *logical, *ordered,
        *(Call(name, (long,), slack=40.0) for name in ("sum", "mean", "var")),
        Call("sum", (_numbers(dtype, 0, 3),), {"axis": 0}), Call("sum", (_whole(3, 4),)), Call("sum", (_truths(3, 4),)),
        Call("max", (_whole(3, 4),), {"axis": 1}),
        Call("argmax", (np.array([1, 3, 3, 2], dtype),), {"axis": 0}),
    ]  # fmt: skip


def _shapes(dtype: str) -> list[Call]:
    x = _numbers(dtype, 3, 4)
    return [
        Call("reshape", (x, (4, 3))), Call("reshape", (x, (-1,))), Call("permute_dims", (x, (1, 0))),
        Call("expand_dims", (x, -1)), Call("squeeze", (x[None], 0)), Call("broadcast_to", (x, (2, 3, 4))),
        Call("concat", ([x, x],), {"axis": 1}), Call("concat", ([x, x[:0]],), {"axis": 0}),
        Call("stack", ([x, x],), {"axis": -1}),
        Call("take", (x, np.array([1, 0, 1], np.int32)), {"axis": 1}),
        Call("take", (x, np.array([[1, 0], [2, 2]], np.int32)), {"axis": 0}),
        Call("take_along_axis", (x, np.array([[1], [0], [3]], np.int32)), {"axis": 1}),
    ]  # fmt: skip


def _networks(dtype: str) -> list[Call]:
    x, y = _numbers(dtype, 3, 4), _numbers(dtype, 4, 5, seed=5)
    wide = np.array([[-np.inf, 0.0, 1.0], [1e30, -1e30, 1e30], [np.nan, 0.0, 1.0], [0.0, 100.0, -100.0]], dtype)
    matrices = (
        (x, y),
        (x, y[:, 0].copy()),
        (_numbers(dtype, 2, 3, 4), _numbers(dtype, 2, 4, 5)),
        (x[:1], y),
        (x[:0], y),
    )
    return [
        *(Call("matmul", pair, slack=4.0) for pair in matrices),
        *(
            Call(name, (x * 20,), {"axis": axis}, 4.0)
            for name in ("softmax", "log_softmax", "logsumexp")
            for axis in (0, -1)
        ),
        *(Call(name, (wide,), {"axis": -1}, 4.0) for name in ("softmax", "log_softmax", "logsumexp")),
        Call("logsumexp", (x,), {"axis": 1, "keepdims": True}),
        Call("one_hot", (np.array([0, 2, 5, -1], np.int32), 3)), Call("one_hot", (np.array([[0], [1]], np.int32), 2)),
    ]  # fmt: skip


def _makers() -> list[Call]:
    return [
        Call("zeros", ((2, 3),)), Call("ones", ((2, 3),)), Call("ones", ((),)), Call("full", ((2, 3), 0.1)),
        Call("full", ((2,), 3)), Call("arange", (5,)), Call("zeros", ((2,), "int32")), Call("ones", ((2,), "bool")),
    ]  # fmt: skip
