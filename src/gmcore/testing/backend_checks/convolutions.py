"""Checks of convolution and pooling in a training step, and of what they refuse."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, Namespace
from gmcore.testing.backend_checks.precision import unit_roundoff

__all__ = [
    "assert_convolves_narrowly",
    "assert_pools_to_the_first",
    "assert_refuses_windows",
    "assert_trains_convolutions",
]

_MEMBERS = 3
_PLAIN: dict[str, Any] = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def assert_trains_convolutions(backend: Backend) -> None:
    """Check steps of a fleet on rows that a CPU convolves in blocks, checkpointed, in a scan, compiled or not.

    A member has the parameters that it has alone: on a CPU to the bit.
    """
    rng = np.random.default_rng(0)
    params = {"first": rng.normal(size=(_MEMBERS, 3, 3, 1, 4)), "second": rng.normal(size=(_MEMBERS, 1, 1, 4, 2)) / 4}
    xs = rng.normal(size=(2, _MEMBERS, 24, 40, 40, 1))
    train = _training(backend)
    compiled: Callable[..., Tree] = backend.compile(train, loops=True, members=(0, 1))
    together = backend.to_numpy(compiled(backend.asarray(params), xs))
    last = slice(_MEMBERS - 1, _MEMBERS)
    own = {name: leaf[last] for name, leaf in params.items()}
    alone = backend.to_numpy(compiled(backend.asarray(own), xs[:, last]))
    for name, leaf in alone.items():
        if backend.device == "cpu":
            np.testing.assert_array_equal(together[name][last], leaf)
        np.testing.assert_allclose(together[name][last], leaf, rtol=1e-4, atol=1e-5)
        assert not np.allclose(leaf, own[name])


def _training(backend: Backend) -> Callable[[Tree, Array], Tree]:
    xp = backend.xp

    def loss(params: Tree, x: Array) -> tuple[Array, None]:
        outputs = xp.conv(xp.conv(x, params["first"], **_PLAIN), params["second"], **_PLAIN)
        return xp.mean(outputs * outputs), None

    def fleet(params: Tree, x: Array) -> tuple[Array, None]:
        return xp.sum(backend.vmap(backend.checkpoint(loss))(params, x)[0]), None

    gradients = backend.value_and_grad(fleet)

    def step(params: Tree, x: Array, _: None) -> tuple[Tree, None]:
        slopes = gradients(params, x)[1]
        return {name: leaf - 0.1 * slopes[name] for name, leaf in params.items()}, None

    return lambda params, xs: backend.scan(step, params, xs)[0]


def assert_convolves_narrowly(backend: Backend) -> None:
    """Check convolutions in `compute`: summed in at least float32 and rounded once, also in the kernel's gradient."""
    xp, rng = backend.xp, np.random.default_rng(0)
    narrow = [xp.astype(backend.asarray(rng.normal(size=shape)), xp.compute) for shape in ((2, 9, 9, 8), (3, 3, 8, 5))]
    x, kernel = (backend.to_numpy(xp.astype(one, xp.float)).astype(np.float64) for one in narrow)
    reference = NumPyNamespace("float64")
    exact, sizes = reference.conv(x, kernel, **_PLAIN), reference.conv(np.abs(x), np.abs(kernel), **_PLAIN)
    # Half a unit in the last place of the result, and half a unit of float for each of the 72 summands.
    bound = unit_roundoff(backend.compute) * np.abs(exact) + 72 * unit_roundoff(backend.dtype) * sizes

    def total(kernel: Array, x: Array) -> tuple[Array, None]:
        return xp.sum(xp.astype(xp.conv(x, xp.astype(kernel, xp.compute), **_PLAIN), xp.float)), None

    def run(x: Array, kernel: Array, weight: Array, ones: Array) -> tuple[Array, ...]:
        outputs, (_, slope) = xp.conv(x, kernel, **_PLAIN), backend.value_and_grad(total)(weight, ones)
        pools = [pool(ones, (2, 2), strides=(2, 2), padding=((0, 0), (0, 0))) for pool in (xp.max_pool, xp.avg_pool)]
        return xp.astype(outputs, xp.float), slope, (outputs, *pools)

    ones = xp.astype(backend.asarray(np.ones((8, 32, 32, 1))), xp.compute)
    weight = backend.asarray(np.ones((1, 1, 1, 1)))
    found, slope, in_compute = backend.compile(run, loops=True)(narrow[0], narrow[1], weight, ones)
    assert [one.dtype for one in in_compute] == [xp.compute] * 3
    assert (np.abs(backend.to_numpy(found) - exact) <= 1.01 * bound).all()
    assert slope.dtype == xp.float
    # A narrow sum of ones would stop growing at 256 or 2048.
    assert backend.to_numpy(slope).tolist() == [[[[8 * 32 * 32]]]]


def assert_pools_to_the_first(backend: Backend) -> None:
    """Check that of equal maxima of a window, the first in memory gets the gradient."""
    xp, x = backend.xp, np.zeros((1, 4, 40, 1))
    x[0, :, 36:, 0] = [[1, 1, 2, 2], [1, 1, 2, 2], [0, 3, 3, 0], [3, 0, 0, 0]]
    pooled = {
        (2, 2): [[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]],
        (4, 40): [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]],
    }
    for window, expected in pooled.items():

        def total(x: Array, window: tuple[int, int] = window) -> tuple[Array, None]:
            return xp.sum(xp.max_pool(x, window, strides=window, padding=((0, 0), (0, 0)))), None

        gradient: Callable[[Array], Array] = backend.compile(backend.value_and_grad(total), loops=True)
        _, slope = gradient(backend.asarray(x))
        np.testing.assert_array_equal(backend.to_numpy(slope)[0, :, 36:, 0], expected)


def assert_refuses_windows(xp: Namespace) -> None:
    """Check the errors for shapes and options that do not fit each other."""
    x, kernel = xp.ones((2, 5, 4, 3)), xp.ones((3, 3, 3, 2))
    pool: dict[str, Any] = {"strides": (1, 1), "padding": ((0, 0), (0, 0))}
    transposed = {**_PLAIN, "output_padding": (0, 0)}
    calls: Mapping[str, Callable[[], Array]] = {
        "doesn't fit an axis of 4": lambda: xp.conv(x, xp.ones((3, 5, 3, 2)), **_PLAIN),
        "must fit inputs of shape": lambda: xp.conv(x, xp.ones((3, 3, 2, 2)), **_PLAIN),
        "groups must divide": lambda: xp.conv(x, xp.ones((3, 3, 1, 2)), **{**_PLAIN, "groups": 3}),
        "1 or 2 spatial axes": lambda: xp.conv(x[:, 0, 0], xp.ones((3, 2)), **_PLAIN),
        "strides must have one value": lambda: xp.conv(x, kernel, **{**_PLAIN, "strides": (1,)}),
        "strides must not have values below 1": lambda: xp.conv(x, kernel, **{**_PLAIN, "strides": (0, 1)}),
        "padding must not have values below 0": lambda: xp.conv(x, kernel, **{**_PLAIN, "padding": ((0, -1), (0, 0))}),
        "output_padding must be": lambda: xp.conv_transpose(
            xp.ones((2, 5, 4, 2)), kernel, **{**transposed, "output_padding": (1, 0)}
        ),
        "output_padding must have one value": lambda: xp.conv_transpose(
            xp.ones((2, 5, 4, 2)), kernel, **{**transposed, "output_padding": (0,)}
        ),
        "channels_out // groups": lambda: xp.conv_transpose(x, kernel, **transposed),
        "padding must be shorter": lambda: xp.max_pool(x, (2, 2), **{**pool, "padding": ((2, 0), (0, 0))}),
        "doesn't fit an axis of 5": lambda: xp.avg_pool(x, (6, 1), **pool),
        "mode must be": lambda: xp.pad(x, ((0, 0),) * 4, "wrap"),  # type: ignore[arg-type]
        "reflected by at most 4": lambda: xp.pad(x, ((0, 0), (5, 0), (0, 0), (0, 0)), "reflect"),
        "for each of 4 axes": lambda: xp.pad(x, ((1, 1),)),
    }
    for message, call in calls.items():
        found = _error(call)
        assert message in found, f"expected an error that says {message!r}, got {found or 'none'!r}"


def _error(call: Callable[[], Array]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""
