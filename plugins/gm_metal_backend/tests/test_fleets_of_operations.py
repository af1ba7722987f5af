"""Each operation gives a member the same result alone and in a fleet, also if one operand is shared by all members."""

import itertools
import operator

import numpy as np
import pytest
from gm_metal_backend.namespace.elementwise import floored

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


@pytest.mark.parametrize("rows", [1, 13, 64])
def test_a_product_with_a_shared_matrix_has_the_same_bits_for_any_number_of_members(backend, rows):
    rng = np.random.default_rng(rows)
    inputs, matrix = rng.normal(size=(10, rows, 64)), backend.asarray({"weight": rng.normal(size=(64, 64))})
    product = backend.vmap(lambda x, shared: backend.xp.matmul(x, shared["weight"]), (0, None))
    whole = backend.to_numpy(product(backend.asarray(inputs), matrix))
    for some in ([0], [7], [1, 2, 3]):
        assert np.array_equal(backend.to_numpy(product(backend.asarray(inputs[some]), matrix)), whole[some])


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


def test_a_segment_sum_in_a_fleet_of_fleets(exact):
    rng = np.random.default_rng(0)
    x, segments = rng.normal(size=(2, 3, 5, 4)), rng.integers(-1, 4, (3, 5)).astype(np.int32)
    sums = exact.vmap(exact.vmap(lambda x, rows: exact.xp.segment_sum(x, rows, 3)), in_axes=(0, None))
    expected = [
        [[one[rows == place].sum(0) for place in range(3)] for one, rows in zip(of, segments, strict=True)] for of in x
    ]
    assert exact.to_numpy(sums(*exact.asarray((x, segments)))) == pytest.approx(np.array(expected), abs=1e-14)


def test_the_gradient_of_a_loop_needs_memory_for_its_steps_once(exact):
    mx, xp, steps = exact._mx, exact.xp, 200
    xs = exact.asarray(np.ones((steps, 64, 64)))
    loss = lambda xs: (xp.sum(xp.scan(lambda last, x: (0.5 * last + x * x, None), xp.zeros((64, 64)), xs)[0]), None)
    mx.eval(xs)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    _, slopes = exact.value_and_grad(loss)(xs)
    assert exact.to_numpy(slopes)[-1] == pytest.approx(np.full((64, 64), 2.0))
    # With an array of zeros in the shape of `xs` for each step it is 10 times its size, compiled 126 times.
    assert mx.get_peak_memory() - before < 5 * xs.nbytes
