"""Test cases for the functions of a `Namespace` that slide windows over arrays, and for `pad`."""

from collections.abc import Mapping

import numpy as np

from gmcore.testing.backend_checks.call import Call

__all__ = ["member_window_calls", "smooth_window_calls", "window_calls"]

Options = Mapping[str, object]
Pairs = tuple[tuple[int, int], ...]

PLAIN: Options = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
UNEVEN: Options = {"strides": (2, 1), "padding": ((1, 0), (1, 2)), "dilation": (1, 2), "groups": 2}
LINE: Options = {"strides": (3,), "padding": ((2, 1),), "dilation": (2,), "groups": 1}


def window_calls(dtype: str) -> list[Call]:
    """Return calls with ordinary numbers, extreme values and unusual shapes, floats in `dtype`."""
    return [*_padded(dtype), *_convolutions(dtype), *_transposed(dtype), *_pools(dtype)]


def smooth_window_calls(dtype: str) -> list[Call]:
    """Return calls whose result is a smooth function of the argument that is differentiated."""
    x, kernel, outputs = _numbers(dtype, 2, 4, 3, 4), _numbers(dtype, 3, 2, 2, 6), _numbers(dtype, 2, 2, 4, 6)
    line, window, pairs = _numbers(dtype, 2, 8, 2), _numbers(dtype, 2, 2, 3), ((1, 0), (2, 3), (0, 1))
    uneven, transposed = _pooled((2, 1), ((1, 0), (0, 2))), {**UNEVEN, "output_padding": (1, 0)}
    return [
        *(Call("conv", (x, kernel), UNEVEN, gradient_of=place) for place in (0, 1)),
        *(Call("conv", (line, window), LINE, gradient_of=place) for place in (0, 1)),
        *(Call("conv_transpose", (outputs, kernel), transposed, gradient_of=place) for place in (0, 1)),
        *(Call(name, (x, (2, 3)), uneven) for name in ("max_pool", "avg_pool")),
        Call("avg_pool", (x, (2, 3)), {**uneven, "include_padding": False}),
        *(Call("pad", (line, pairs), {"mode": mode}) for mode in ("constant", "edge", "reflect")),
    ]


def member_window_calls(dtype: str) -> list[Call]:
    """Return calls of the functions with a rule of their own under `vmap`."""
    chosen = (("conv", 0), ("conv", 1), ("conv_transpose", 1), ("max_pool", 0))
    known = {(call.name, call.gradient_of): call for call in smooth_window_calls(dtype)}
    return [known[one] for one in chosen]


def _numbers(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(dtype)


def _pooled(strides: tuple[int, ...], padding: Pairs) -> Options:
    return {"strides": strides, "padding": padding}


def _padded(dtype: str) -> list[Call]:
    x, pairs = _numbers(dtype, 3, 2, 4), ((1, 0), (0, 1), (2, 3))
    return [
        *(Call("pad", (x, pairs), {"mode": mode}) for mode in ("constant", "edge", "reflect")),
        *(Call("pad", (x, pairs), {"value": value}) for value in (-np.inf, 3)),
        Call("pad", (x, ((0, 0),) * 3)),
        Call("pad", (x[:0], pairs)), Call("pad", (x[:0], ((0, 0), *pairs[1:])), {"mode": "edge"}),
        Call("pad", (np.arange(6, dtype=np.int32), ((2, 1),)), {"value": 7}),
        Call("pad", (x[0, 0], ((3, 3),)), {"mode": "reflect"}), Call("pad", (x > 0, pairs), {"mode": "edge"}),
    ]  # fmt: skip


def _convolutions(dtype: str) -> list[Call]:
    x, line = _numbers(dtype, 2, 7, 6, 4), _numbers(dtype, 3, 9, 2)
    settings = [
        (1, _options((1, 1), ((2, 1), (0, 3)), (1, 1), 1)),
        (2, _options((2, 3), ((2, 1), (0, 3)), (1, 1), 2)),
        (4, _options((1, 1), ((0, 0), (0, 0)), (2, 1), 4)),
        (1, _options((2, 3), ((0, 2), (1, 0)), (2, 1), 1)),
    ]
    return [
        *(Call("conv", (x, _numbers(dtype, 3, 2, 4 // groups, 8)), how, 4.0) for groups, how in settings),
        Call("conv", (line, _numbers(dtype, 2, 2, 3)), LINE, 4.0),
        Call("conv", (x, _numbers(dtype, 1, 1, 4, 1)), PLAIN, 4.0),
        Call("conv", (x, _numbers(dtype, 7, 6, 4, 5)), PLAIN, 8.0),
        Call("conv", (x[:0], _numbers(dtype, 3, 2, 4, 8)), PLAIN),
        # More rows than a backend computes at once.
        Call("conv", (_numbers(dtype, 6, 90, 90, 1), _numbers(dtype, 3, 3, 1, 2)), PLAIN, 8.0),
    ]


def _transposed(dtype: str) -> list[Call]:
    x = _numbers(dtype, 2, 4, 3, 8)
    settings = [
        (1, {**_options((1, 1), ((1, 2), (0, 1)), (1, 1), 1), "output_padding": (0, 0)}),
        (2, {**_options((2, 3), ((0, 0), (0, 0)), (1, 1), 2), "output_padding": (1, 0)}),
        (1, {**_options((2, 3), ((1, 2), (0, 1)), (2, 1), 1), "output_padding": (0, 2)}),
    ]
    return [
        *(Call("conv_transpose", (x, _numbers(dtype, 3, 2, 4 // groups, 8)), how, 4.0) for groups, how in settings),
        Call("conv_transpose", (x[:, 0], _numbers(dtype, 2, 2, 8)), {**LINE, "output_padding": (2,)}, 4.0),
    ]


def _pools(dtype: str) -> list[Call]:
    x, line, special = _numbers(dtype, 2, 7, 6, 3), _numbers(dtype, 2, 70, 1), _numbers(dtype, 1, 6, 1)
    special[0, :4, 0] = (np.nan, -np.inf, -np.inf, np.inf)
    settings = [
        (x, (2, 2), _pooled((2, 2), ((0, 0), (0, 0)))),
        (x, (3, 2), _pooled((1, 3), ((2, 1), (0, 1)))),
        (x[:0], (2, 2), _pooled((2, 2), ((0, 0), (0, 0)))),
        # A window of more elements than slices are taken.
        (line, (23,), _pooled((4,), ((3, 0),))),
    ]
    return [
        *(Call(name, (one, window), how, 4.0) for name in ("max_pool", "avg_pool") for one, window, how in settings),
        Call("avg_pool", (x, (3, 2)), {**_pooled((1, 3), ((2, 1), (0, 1))), "include_padding": False}, 4.0),
        Call("max_pool", (special, (5,)), _pooled((1,), ((0, 4),))),
    ]


def _options(strides: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...], groups: int) -> Options:
    return {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
