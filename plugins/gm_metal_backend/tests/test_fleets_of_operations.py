"""Each operation gives a member the same result alone and in a fleet, also if one operand is shared by all members."""

import itertools
import operator

import numpy as np
import pytest
from gm_metal_backend.elementwise import floored

MEMBERS = 3
SHAPES = [((2, 3), (2, 3)), ((2, 3), (3,)), ((3,), (2, 3)), ((), (2, 3)), ((2, 1), (1, 3)), ((1,), (1,)), ((), ())]
AXES = [(0, 0), (0, None), (None, 0)]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
ARITHMETIC = ["add", "sub", "mul", "truediv"]
MASKS = ["and_", "or_", "xor"]


def _draw(kind, shape):
    rng = np.random.default_rng(len(shape))
    whole = rng.integers(0, 4, shape)
    return {"float": whole / 2 + 0.5, "mask": whole > 1, "int32": whole, "uint32": whole.astype(np.uint32)}[kind]


def _check(backend, fn, axes, hosts):
    """Compare the fleet's result with those of its members computed one by one."""
    pick = lambda host, axis, member: host if axis is None else host[member]
    alone = [
        backend.to_numpy(fn(*[backend.asarray(pick(h, a, i)) for h, a in zip(hosts, axes, strict=True)]))
        for i in range(MEMBERS)
    ]
    fleet = backend.to_numpy(backend.vmap(fn, in_axes=axes)(*backend.asarray(hosts)))
    assert np.array_equal(fleet, np.stack(alone))


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("float", name) for name in ARITHMETIC + COMPARISONS),
        *((kind, name) for kind in ("mask", "int32", "uint32") for name in MASKS),
    ],
)
def test_operators(exact, kind, name, axes, shapes):
    hosts = tuple(
        _draw(kind, shape if axis is None else (MEMBERS, *shape)) for shape, axis in zip(shapes, axes, strict=True)
    )
    _check(exact, getattr(operator, name), axes, hosts)


@pytest.mark.parametrize("name", ["maximum", "minimum", "pow", "matmul"])
@pytest.mark.parametrize("axes", AXES)
def test_functions_of_two(backend, name, axes):
    hosts = tuple(_draw("float", (2, 2) if axis is None else (MEMBERS, 2, 2)) for axis in axes)
    _check(backend, getattr(backend.xp, name), axes, hosts)


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("axes", AXES)
def test_divisions_of_whole_numbers(exact, name, axes, shapes):
    whole = [
        _draw("int32", shape if axis is None else (MEMBERS, *shape)) for shape, axis in zip(shapes, axes, strict=True)
    ]
    hosts = (7 * whole[0].astype(np.int32) - 9, 2 * whole[1].astype(np.int32) - 3)  # of both signs, no divisor is 0
    _check(exact, getattr(exact.xp, name), axes, hosts)


@pytest.mark.parametrize("axes", [axes for axes in itertools.product((0, None), repeat=3) if 0 in axes])
def test_where(backend, axes):
    shapes = ((2, 1), (3,), (2, 3))
    kinds = ("mask", "float", "float")
    hosts = tuple(
        _draw(kind, shape if axis is None else (MEMBERS, *shape))
        for kind, shape, axis in zip(kinds, shapes, axes, strict=True)
    )
    _check(backend, backend.xp.where, axes, hosts)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_gathers(backend, axes, shape):
    rows, places = (((MEMBERS,) if axis == 0 else ()) for axis in axes)
    hosts = (_draw("float", (*rows, 4, 3)), _draw("int32", (*places, *shape)))
    _check(backend, lambda rows, places: rows[places], axes, hosts)
    _check(backend, lambda rows, places: backend.xp.take(rows, places, axis=0), axes, hosts)


@pytest.mark.parametrize("other", [True, False, np.True_])
def test_masks_and_numbers(backend, other):
    mask = np.array([True, False])
    assert backend.to_numpy(backend.asarray(mask) & other).tolist() == (mask & other).tolist()
    assert backend.to_numpy(other | backend.asarray(mask)).tolist() == (mask | other).tolist()
    assert backend.to_numpy(~backend.asarray(mask)).tolist() == [False, True]


def test_bits_and_numbers(backend):
    assert backend.to_numpy(backend.asarray(np.array([5, 6])) & 3).tolist() == [1, 2]
    assert backend.to_numpy(4 | backend.asarray(np.array([1, 2]))).tolist() == [5, 6]
    bits = backend.asarray(np.array([2**32 - 1], np.uint32)) & backend.asarray(np.array([7], np.uint32))
    assert backend.to_numpy(bits).dtype == np.uint32


def test_nan_differs_from_itself(backend):
    x = backend.asarray(np.array([np.nan, 1.0]))
    assert backend.to_numpy(x != x).tolist() == [True, False]  # noqa: PLR0124 - that is the point
    assert x != "text"


@pytest.mark.parametrize("shared", [False, True])
def test_a_quotient_that_is_truncated_as_on_cuda_is_floored(exact, shared):
    x = np.array([7, -7, 6, -6, 0, 2**31 - 1, -(2**31)], np.int32)[:, None]
    y = np.array([2, -2, 3, -3, 400, -400, 146_097], np.int32)
    for rounded in (np.trunc, np.floor):
        quotients = rounded(x / y).astype(np.int32)
        fleet = exact.vmap(floored, in_axes=(0, 0, None if shared else 0))
        others = y if shared else np.broadcast_to(y, quotients.shape).copy()
        xs = np.broadcast_to(x, quotients.shape).copy()
        found = exact.to_numpy(fleet(*exact.asarray((quotients, xs, others))))
        assert np.array_equal(found, x // y)
