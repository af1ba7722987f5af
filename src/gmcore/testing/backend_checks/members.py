"""Checks that functions give each member of a fleet the results and gradients that it has alone."""

# ruff: noqa: S101 - these are checks

from collections.abc import Sequence

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend
from gmcore.testing.backend_checks.call import Call
from gmcore.testing.backend_checks.differences import central_differences, gradient_error

__all__ = ["assert_members_agree"]

Arrays = tuple[tuple[Array, ...], ...]

_MEMBERS = 10
_CHUNKS = (slice(0, 1), slice(9, 10), slice(2, 5))
_ROUNDING = {"float32": 1e-5, "float64": 1e-12}


def assert_members_agree(backend: Backend, calls: Sequence[Call]) -> None:
    """Check the values and gradients of calls in a fleet of 10 members, in the order of transforms of training.

    Either all arrays are the members' own, or only the one that has a gradient, and all members share the others. On a
    CPU, members whose arrays are all their own have the same bits 1, 3 and 10 at a time.
    """
    fleets = [_Fleet(call, own=True) for call in calls]
    fleets += [_Fleet(one.call, own=False) for one in fleets if len(one.places()) > 1]
    whole: Arrays = tuple(fleet.arrays() for fleet in fleets)

    def run(given: Arrays) -> tuple[tuple[Array, Array], ...]:
        return tuple(fleet.run(backend, some) for fleet, some in zip(fleets, given, strict=True))

    program = backend.compile(run, loops=True)
    together = backend.to_numpy(program(backend.asarray(whole)))
    wrong = [
        f"{fleet}: {problem}"
        for fleet, (values, gradients) in zip(fleets, together, strict=True)
        if (problem := fleet.problem(_MEMBERS - 1, values[-1], gradients[-1]))
    ]
    for chunk in _CHUNKS if backend.device == "cpu" else ():
        some = backend.to_numpy(program(backend.asarray(tuple(tuple(x[chunk] for x in one) for one in whole))))
        wrong += [
            f"{fleet}: members {chunk} differ from their bits among {_MEMBERS}"
            for fleet, alone, one in zip(fleets, some, together, strict=True)
            if fleet.own and not all(np.array_equal(a, b[chunk]) for a, b in zip(alone, one, strict=True))
        ]
    assert not wrong, "\n".join(wrong)


@attrs.frozen
class _Fleet:
    """A call by a fleet.

    Attributes:
        call: one member's call.
        own: whether all arrays are the members' own, and not only the one that has a gradient.
    """

    call: Call
    own: bool = attrs.field(kw_only=True)

    def __str__(self) -> str:
        return f"{self.call}, {'all arrays' if self.own else 'one array'} of each member"

    def places(self) -> list[int]:
        """Return the positions of the members' own arrays; the first of them is the one that has a gradient."""
        arrays = [place for place, one in enumerate(self.call.arguments) if isinstance(one, np.ndarray)]
        return sorted(arrays if self.own else [self.call.gradient_of], key=lambda place: place != self.call.gradient_of)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return the members' own arrays, `(members, ...)`: floats moved by a little, integers rolled."""
        return tuple(_of_members(self.call.arguments[place], place) for place in self.places())

    def run(self, backend: Backend, arrays: Sequence[Array]) -> tuple[Array, Array]:
        """Return the values and the gradients of the sum of their squares, of all members."""
        placed = self.call.placed(backend)

        def member(*arrays: Array) -> tuple[Array, Array]:
            values = placed.but(dict(zip(self.places(), arrays, strict=True))).smooth_result(backend.xp)
            return backend.xp.sum(values * values), values

        def fleet(*arrays: Array) -> tuple[Array, Array]:
            sums, values = backend.vmap(member)(*arrays)
            return backend.xp.sum(sums), values

        (_, values), gradients = backend.value_and_grad(fleet)(*arrays)
        return values, gradients

    def problem(self, member: int, values: np.ndarray, gradient: np.ndarray) -> str:
        """Return an error message about a member's values and gradient, empty if they are those of the reference."""
        reference = NumPyNamespace("float64")
        call = self.call.but(
            {
                place: np.asarray(one[member], np.float64 if one.dtype.kind == "f" else one.dtype)
                for place, one in zip(self.places(), self.arrays(), strict=True)
            }
        )
        tolerance = _ROUNDING[values.dtype.name]
        if not np.allclose(values, call.smooth_result(reference), rtol=tolerance, atol=tolerance):
            return "values are wrong"
        total = lambda x: float(np.sum(np.square(call.but({call.gradient_of: x}).smooth_result(reference))))
        return gradient_error(gradient, central_differences(total, call.x))


def _of_members(x: np.ndarray, seed: int) -> np.ndarray:
    if x.dtype.kind != "f":
        return np.stack([np.roll(x, member) for member in range(_MEMBERS)])
    moves = np.random.default_rng(seed).normal(size=(_MEMBERS, *x.shape)) / 5
    return (x + moves).astype(x.dtype)
