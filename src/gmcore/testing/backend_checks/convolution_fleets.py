"""Checks of convolutions in fleets: few and many channels, operands of each member's own or shared."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend

__all__ = ["COLUMNS", "assert_convolves_fleets", "assert_convolves_fleets_of_fleets", "assert_differentiates_twice"]

Function = Callable[[Array, Array], Array]
Options = Mapping[str, Any]
Operands = Sequence[Array]
Axes = tuple[int | None, int | None]

_MEMBERS, _WINDOW, _DIRECTIONS = 3, (3, 2), 3
_PLAIN: Options = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
_UNEVEN: Options = {"strides": (2, 1), "padding": ((1, 0), (1, 2)), "dilation": (1, 2), "groups": 2}
# Few columns of patches, and so many that a backend may leave the convolution to its library.
_CHANNELS = (4, 200)
COLUMNS = tuple(3 * 2 * channels // _UNEVEN["groups"] for channels in _CHANNELS)
"""Products in one output of the convolutions, least first."""
# Relative to the largest value or the norm; sums of up to 600 products.
_ROUNDING = {"float32": 1e-4, "float64": 1e-12}


def assert_convolves_fleets(backend: Backend) -> None:
    """Check convolutions of one member, and of a fleet whose members share an operand or none: values and gradients."""
    cases = list(_cases())

    def run(given: Sequence[tuple[Operands, Array]]) -> list[Array]:
        return [case.computed(backend, *own) for case, own in zip(cases, given, strict=True)]

    given = backend.asarray([(case.operands, case.scales) for case in cases])
    for case, ((_, outputs), slopes) in zip(
        cases, backend.to_numpy(backend.compile(run, loops=True)(given)), strict=True
    ):
        _assert_near(outputs, case.outputs(case.operands), backend, str(case))
        for place, slope in enumerate(slopes):
            case.assert_gradient(place, slope, _ROUNDING[backend.dtype])


def assert_differentiates_twice(backend: Backend) -> None:
    """Check the gradient of the squared gradient of a convolution's squares."""
    xp = backend.xp
    x, kernel = (one[0] for one in _operands(4, _UNEVEN))

    def squared_slope(kernel: Array, x: Array) -> tuple[Array, None]:
        def total(x: Array) -> tuple[Array, None]:
            return xp.sum(xp.square(xp.conv(x, kernel, **_UNEVEN))), None

        return xp.sum(xp.square(backend.value_and_grad(total)(x)[1])), None

    twice = backend.compile(backend.value_and_grad(squared_slope), loops=True)
    (value, _), slope = backend.to_numpy(twice(*backend.asarray((kernel, x))))
    # It is homogeneous, of degree 4 in the kernel: Euler's theorem gives the derivative along the kernel.
    np.testing.assert_allclose(np.sum(slope * kernel), 4 * value, rtol=_ROUNDING[backend.dtype])


def assert_convolves_fleets_of_fleets(backend: Backend) -> None:
    """Check convolutions of a fleet whose members are fleets."""
    x, kernel = (np.stack([one, one[::-1]]) for one in _operands(4, _UNEVEN))
    conv: Function = lambda x, kernel: backend.xp.conv(x, kernel, **_UNEVEN)
    nested: Function = backend.compile(backend.vmap(backend.vmap(conv)), loops=True)
    once = NumPyNamespace("float64")
    expected = [
        [once.conv(*one, **_UNEVEN) for one in zip(*fleet, strict=True)] for fleet in zip(x, kernel, strict=True)
    ]
    _assert_near(backend.to_numpy(nested(*backend.asarray((x, kernel)))), np.array(expected), backend, "values")


@attrs.frozen(kw_only=True, eq=False)
class _Case:
    """Convolutions of members.

    Attributes:
        options: of the convolution.
        axes: the axis of members of the inputs and of the kernel, or None if they are shared; None for one member.
        operands: inputs and kernel, with an axis of members where they have one.
        scales: in the shape of the outputs; the sum of the outputs times these is differentiated.
    """

    options: Options
    axes: Axes | None
    operands: Operands
    scales: np.ndarray

    def __str__(self) -> str:
        shapes = " and ".join(str(one.shape) for one in self.operands)
        return f"convolution of {shapes}, {dict(self.options)}, axes {self.axes}"

    def outputs(self, operands: Operands) -> np.ndarray:
        """Return the outputs of all members, by the reference."""
        conv: Function = lambda x, kernel: NumPyNamespace("float64").conv(x, kernel, **self.options)
        if self.axes is None:
            return conv(*operands)  # type: ignore[no-any-return]
        each = [one if axis == 0 else [one] * _MEMBERS for one, axis in zip(operands, self.axes, strict=True)]
        return np.stack([conv(*(one[member] for one in each)) for member in range(_MEMBERS)])

    def computed(self, backend: Backend, operands: Operands, scales: Array) -> Array:
        """Return `((total, outputs), gradients)` on a backend."""
        conv: Function = lambda x, kernel: backend.xp.conv(x, kernel, **self.options)
        members = conv if self.axes is None else backend.vmap(conv, in_axes=self.axes)

        def total(operands: Operands) -> tuple[Array, Array]:
            outputs = members(*operands)
            return backend.xp.sum(outputs * scales), outputs

        return backend.value_and_grad(total)(operands)

    def assert_gradient(self, place: int, slope: np.ndarray, within: float) -> None:
        """Check the gradient by an operand in several directions.

        Convolution is linear in each operand: so the derivative in a direction is the convolution of the direction.
        """
        rng = np.random.default_rng(1)
        for direction in rng.normal(size=(_DIRECTIONS, *slope.shape)):
            along = [direction if other == place else one for other, one in enumerate(self.operands)]
            found, expected = np.sum(slope * direction), np.sum(self.outputs(along) * self.scales)
            wrong = abs(found - expected) > within * np.linalg.norm(slope)
            assert not wrong, f"{self}: the gradient by operand {place} gives {found} in place of {expected}"


def _cases() -> Iterator[_Case]:
    yield _case(_CHANNELS[0], _PLAIN, (0, 0))
    for channels in _CHANNELS:
        yield from (_case(channels, _UNEVEN, axes) for axes in (None, (0, 0), (0, None), (None, 0)))


def _case(channels: int, options: Options, axes: Axes | None) -> _Case:
    drawn = zip(_operands(channels, options), axes or (None, None), strict=True)
    operands = tuple(one if axis == 0 else one[0] for one, axis in drawn)
    case = _Case(options=options, axes=axes, operands=operands, scales=np.zeros(()))
    shape = case.outputs(operands).shape
    return attrs.evolve(case, scales=np.random.default_rng(2).normal(size=shape))


def _operands(channels: int, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Return the members' inputs `(members, batch, height, width, channels)` and kernels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(_MEMBERS, 2, 7, 6, channels))
    return x, rng.normal(size=(_MEMBERS, *_WINDOW, channels // options["groups"], 6))


def _assert_near(found: np.ndarray, expected: np.ndarray, backend: Backend, what: str) -> None:
    slack = _ROUNDING[backend.dtype] * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=slack, err_msg=what)
