"""Test cases for the functions of a `Namespace` that select, rearrange and add up elements."""

import numpy as np

from gmcore.domain import Array
from gmcore.testing.backend_checks.call import Call

__all__ = ["array_calls", "member_calls", "smooth_array_calls"]

SPECIAL = (1.0, np.nan, -0.0, 0.0, np.inf, -np.nan, 2.0, 0.0, -np.inf, 1.0)
STARTS = np.array([[4, 0, 1], [1, 1, 3]], np.int32)
SEGMENTS = np.array([2, 0, -1, 2, 4, 2**31 - 1, -(2**31), 0], np.int32)


def array_calls(dtype: str) -> list[Call]:
    """Return calls with ordinary numbers, extreme values and unusual shapes, floats in `dtype`."""
    return [*_rearranged(dtype), *_bounded(dtype), *_selected(dtype), *_added(dtype), *_products(dtype)]


def smooth_array_calls(dtype: str) -> list[Call]:
    """Return calls whose result is a smooth function of the argument that is differentiated."""
    x, y, cube = _numbers(dtype, 3, 4), _numbers(dtype, 4, 5, seed=5), _numbers(dtype, 2, 3, 4)
    return [
        *(Call("flip", (cube,), {"axis": axis}) for axis in (None, 1)),
        *(Call("roll", (cube, shift), {"axis": axis}) for shift, axis in ((5, None), ((1, -2), (0, -1)))),
        Call("tril", (cube,)), Call("triu", (cube, -1)),
        Call("clip", (x, -0.5, 0.5)), Call("clip", (x[0], np.sort(x), x[2] + 2)),
        Call("logaddexp", (x, x[0] + 0.3)), Call("logaddexp", (x, x)), Call("logaddexp", (x * 300, 0.0)),
        *(Call("top_k", (cube, 2), {"axis": axis}) for axis in (-1, 0)),
        Call("segment_sum", (_numbers(dtype, 8, 2, 3), SEGMENTS, 4)), Call("segment_sum", (x[:, 0], SEGMENTS[:3], 2)),
        Call("windows", (_numbers(dtype, 8, 2), STARTS, 3)), Call("windows", (x[0], STARTS[0] * 0, 2)),
        Call("einsum", ("ij,jk->ik", x, y), gradient_of=1), Call("einsum", ("ij,jk->ik", x, y), gradient_of=2),
        Call("einsum", ("bij,bkj->bik", cube, cube[:, :2]), gradient_of=1),
        Call("einsum", ("...j,j->...", cube, x[0]), gradient_of=1),
        Call("einsum", ("ij,ij->j", x, x * 2), gradient_of=1),
        Call("einsum", ("ii->i", x[:, :3].copy()), gradient_of=1),
        Call("einsum", ("ij,jk,lk->il", x, y, _numbers(dtype, 2, 5)), gradient_of=2),
    ]  # fmt: skip


def member_calls(dtype: str) -> list[Call]:
    """Return calls whose result is smooth, few enough to compile them for several fleets."""
    x, y, cube = _numbers(dtype, 3, 4), _numbers(dtype, 4, 5, seed=5), _numbers(dtype, 2, 3, 4)
    return [
        Call("flip", (cube,), {"axis": (0, 2)}), Call("roll", (cube, (1, -2)), {"axis": (0, -1)}),
        Call("tril", (cube,)), Call("triu", (cube,)), Call("clip", (x, x[0] - 0.5, x[1] + 1.5)),
        Call("logaddexp", (x, x[0] + 0.3)), Call("top_k", (cube, 2), {"axis": 1}),
        Call("segment_sum", (_numbers(dtype, 8, 2, 3), SEGMENTS, 4)),
        Call("einsum", ("ij,jk->ki", x, y), gradient_of=1), Call("einsum", ("bij,bkj->bik", cube, cube), gradient_of=2),
    ]  # fmt: skip


def _numbers(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def _ties(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 3, shape).astype(np.int32)


def _rearranged(dtype: str) -> list[Call]:
    cube, empty, nan = _numbers(dtype, 2, 3, 4), _numbers(dtype, 0, 3), np.full((3, 3), np.nan, dtype)
    axes = (None, 0, -1, (0, 2))
    turns = ((5, None), (-1, 1), (0, 0), (25, 2), ((1, -7), (0, -1)), (2, (0, 2)))
    return [
        *(Call("flip", (cube,), {"axis": axis}) for axis in axes), Call("flip", (cube > 0,)),
        *(Call("roll", (cube, shift), {"axis": axis}) for shift, axis in turns), Call("roll", (_ties(2, 3, 4), 5)),
        *(Call(name, (cube, k)) for name in ("tril", "triu") for k in (-9, -1, 2, 9)),
        *(Call(name, (x,)) for name in ("tril", "triu") for x in (nan, _ties(3, 3), _ties(3, 3) > 1, empty)),
        Call("flip", (empty,)), Call("roll", (empty, 1), {"axis": 0}), Call("flip", (np.asarray(0.5, dtype),)),
    ]  # fmt: skip


def _bounded(dtype: str) -> list[Call]:
    x, special = _numbers(dtype, 3, 4), np.array(SPECIAL, dtype)
    bounds: tuple[tuple[Array, ...], ...] = (
        (-0.5, 0.5), (None, 0.1), (0.1,), (), (x[0], x[1]), (x[:, :1], None), (0.5, -0.5), (-np.inf, np.nan),
    )  # fmt: skip
    pairs = ((x, x[0]), (x, 0.0), (0.0, x), (x * 1000, x), (special[:, None], special), (x[:0], x[0]))
    return [
        *(Call("clip", (x, *pair)) for pair in bounds),
        *(Call("clip", (special, *pair)) for pair in ((-1.0, 1.0), (0.0, np.inf), (special[::-1].copy(), None))),
        *(Call("clip", (_ties(3, 4), *pair)) for pair in ((1, 2), (None, 1))),
        *(Call("logaddexp", pair) for pair in pairs),
    ]


def _selected(dtype: str) -> list[Call]:
    x, special, ends = _numbers(dtype, 3, 4), np.array(SPECIAL, dtype), np.array([-(2**31), 5, 2**31 - 1, 5], np.int32)
    return [
        *(Call("top_k", (special, k)) for k in (0, 1, 4, 10)),
        *(Call("top_k", (one, 2), {"axis": axis}) for one in (x, _ties(3, 4), x > 0) for axis in (-1, 0)),
        Call("top_k", (_ties(4, 1000).astype(dtype), 300)),
        *(Call("windows", (_numbers(dtype, 8, *one), STARTS, size)) for one, size in (((), 1), ((2, 3), 3), ((0,), 2))),
        Call("windows", (_numbers(dtype, 6, 3, 2).transpose(0, 2, 1), STARTS, 2)),
        Call("windows", (_ties(6), STARTS, 2)),
        Call("top_k", (ends, 3)), Call("top_k", (ends.astype(np.uint32), 3)), Call("top_k", (x[:0], 2)),
    ]  # fmt: skip


def _added(dtype: str) -> list[Call]:
    x = _numbers(dtype, 8, 2, 3)
    return [
        *(Call("segment_sum", (one, SEGMENTS, 4)) for one in (x, x[:, 0, 0].copy(), _ties(8, 2), x[:, 0] > 0)),
        Call("segment_sum", (x, SEGMENTS, 1)), Call("segment_sum", (x[:0], SEGMENTS[:0], 2)),
        Call("segment_sum", (_numbers(dtype, 2000), _ties(2000), 3), slack=40.0),
        Call("segment_sum", (x[:, :0], SEGMENTS, 2)),
    ]  # fmt: skip


def _products(dtype: str) -> list[Call]:
    x, y, cube, square = (_numbers(dtype, *shape) for shape in ((3, 4), (4, 5), (2, 3, 4), (3, 3)))
    return [
        *(
            Call("einsum", (subscripts, *operands), slack=4.0)
            for subscripts, *operands in (
                ("ij,jk->ik", x, y), ("ij,jk", x, y), ("ij , jk -> ki", x, y), ("ij,kl->jl", x, y),
                ("i,j->ij", x[0], x[1]),
                ("ij,ij->i", x, x), ("ij,j->i", x, x[0]), ("bij,bkj->bik", cube, cube), ("bij,jk->bik", cube, y),
                ("...j,jk->...k", cube, y), ("b...,b...->b...", cube, cube), ("ij,jk,lk->il", x, y, y),
                ("ij->ji", x), ("ji", x), ("ij->j", x), ("ij->", x), ("ii->i", square), ("ii", square),
                ("ij,jk->ik", x[:0], y), ("ij,jk->ik", x[:, :0], y[:0]), ("ij,jk->ik", x, _ties(4, 2)),
            )
        )
    ]  # fmt: skip
