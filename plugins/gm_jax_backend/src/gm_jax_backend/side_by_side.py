"""Parallel execution of a fleet on a CPU: its members are split into parts, at least one for each core.

XLA runs the programs that one thread enqueues one after another, and the operations of a small network are too small
to be distributed over cores. So the parts of each core are enqueued by a thread of their own. If a core's members do
not fit its cache, they are split further. All parts have the same size and share one compiled program: if the members
don't divide evenly, the last part overlaps the one before.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import attrs
import jax
import numpy as np

from gmcore.domain import Array, Constants

__all__ = ["SideBySide", "host_arrays", "on_one_core"]

# The XLA pass that distributes an operation over cores, which would make the parts wait for each other.
_SPREADS = "cpu-parallel-task-assigner"
# Largest size of a part in bytes: beyond it, a core mostly waits for memory.
_CACHE = 8 << 20
Bounds = tuple[tuple[int, int], ...]
T = TypeVar("T")


def host_arrays(arrays: T, *, are_there: bool) -> T:
    """Return a tree of arrays as NumPy arrays.

    Args:
        arrays: JAX arrays, some of them in parts.
        are_there: whether the host has them, so that nothing is sent: `device_get` takes as long as a short epoch.
    """
    if are_there:
        return jax.tree.map(lambda leaf: np.array(_computed(leaf)), arrays)  # type: ignore[no-any-return]
    return jax.tree.map(np.array, jax.device_get(arrays))  # type: ignore[no-any-return]


def on_one_core(options: Mapping[str, str | int]) -> dict[str, str | int]:
    """Return the compiler options of a part, whose operations all run on one core."""
    name = "xla_disable_hlo_passes"
    disabled = [str(options[name])] if name in options else []
    return {**options, name: ",".join([*disabled, _SPREADS])}


@attrs.frozen(eq=False)
class Parted:
    """An array of all members, `(members, …)`, held as the parts in which it was computed."""

    parts: Sequence[Array]
    bounds: Bounds

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.bounds[-1][1], *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return self.parts[0].dtype  # type: ignore[no-any-return]

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """Return the whole array on the host."""
        del copy  # the result always is a copy
        *others, last = (np.asarray(_computed(part)) for part in self.parts)
        overlap = self.bounds[-2][1] - self.bounds[-1][0]
        return np.concatenate([*others, last[overlap:]], dtype=dtype)


@attrs.frozen(kw_only=True, eq=False)
class SideBySide:
    """A fleet's compiled program that is called with all members and computes them in parts.

    Attributes:
        alone: the program for all members, which may use all cores.
        first: the program for the first part of a call; compiles if the shapes are new.
        others: the same program for the other parts, already compiled.
        axes: the members' axis of each argument, None if all members share it.
        cores: number of parts computed at once.
        to_host: converts an array for a program, on the host.
        to_device: converts an array that never changes, on the device.
        constants: cache of the arrays that never change.
        cuts: start and end of each part, by number of members.
    """

    alone: Callable[..., Array]
    first: Callable[..., Array]
    others: Callable[..., Array]
    axes: Sequence[int | None]
    cores: int
    to_host: Callable[[Array], np.ndarray]
    to_device: Callable[[Array], Array]
    constants: Constants
    cuts: dict[int, Bounds] = attrs.field(init=False, factory=dict)

    def __call__(self, *args: Array) -> Array:
        given = list(zip(args, self.axes, strict=True))
        bounds = self._bounds(given)
        if len(bounds) <= 1:
            return self.alone(*args)
        parts = list(zip(*(self._parts(arg, axis, bounds) for arg, axis in given), strict=True))
        # The first call may compile, so the others start only after it.
        results = [self.first(*parts[0])]
        lanes = [parts[place :: self.cores] for place in range(self.cores)]
        futures = [
            thread.submit(self._enqueue, lane) for thread, lane in zip(_threads(self.cores), lanes[1:], strict=True)
        ]
        try:
            mine = [*results, *self._enqueue(lanes[0][1:])]
            of_lanes = [mine, *(future.result() for future in futures)]
        except BaseException:
            wait(futures)  # so that none holds memory that the caller needs for another attempt
            raise
        results = [of_lanes[place % self.cores][place // self.cores] for place in range(len(parts))]
        return jax.tree.map(lambda *leaves: Parted(leaves, bounds), *results)

    def shapes_of_part(self, args: Sequence[Array], place: jax.sharding.Sharding) -> list[Array] | None:
        """Return the shapes of the arguments of a part, for those of all members; None if they are not cut."""
        bounds = self._bounds(given := list(zip(args, self.axes, strict=True)))
        if len(bounds) <= 1:
            return None
        start, end = bounds[0]

        def cut(leaf: Array, axis: int | None) -> jax.ShapeDtypeStruct:
            if axis is None:
                return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place)  # type: ignore[no-untyped-call]
            shape = (*leaf.shape[:axis], end - start, *leaf.shape[axis + 1 :])
            return jax.ShapeDtypeStruct(shape, leaf.dtype, sharding=leaf.sharding)  # type: ignore[no-untyped-call]

        return [jax.tree.map(lambda leaf, axis=axis: cut(leaf, axis), arg) for arg, axis in given]

    def _enqueue(self, parts: Sequence[Sequence[Array]]) -> list[Array]:
        return [self.others(*part) for part in parts]

    def _bounds(self, given: Sequence[tuple[Array, int | None]]) -> Bounds:
        """Return start and end of each part: one part for each core, or more if those don't fit its cache."""
        leaf, axis = next((leaf, axis) for arg, axis in given if axis is not None for leaf in jax.tree.leaves(arg))
        many = leaf.shape[axis]
        if many not in self.cuts:
            held = [leaf for arg, axis in given if axis == 0 for leaf in jax.tree.leaves(arg)]
            one = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in held) / many
            size = max(1, min(-(-many // self.cores), int(_CACHE / max(1.0, one))))
            starts = [min(at, many - size) for at in range(0, many, size)]
            self.cuts[many] = tuple((start, start + size) for start in starts)
        return self.cuts[many]

    def _parts(self, arg: Array, axis: int | None, bounds: Bounds) -> list[Array]:
        """Return an argument for each part."""
        leaves, tree = jax.tree.flatten(arg)
        if axis is None:
            whole = [leaf if isinstance(leaf, jax.Array) else self.to_device(leaf) for leaf in leaves]
            return [tree.unflatten(whole)] * len(bounds)  # type: ignore[attr-defined]
        cut = [self._cut(leaf, axis, bounds) for leaf in leaves]
        return [
            tree.unflatten([parts[place] for parts in cut])  # type: ignore[attr-defined]
            for place in range(len(bounds))
        ]

    def _cut(self, leaf: Array, axis: int, bounds: Bounds) -> Sequence[Array]:
        if isinstance(leaf, Parted) and leaf.bounds == bounds and axis == 0:
            return leaf.parts
        before = (slice(None),) * axis

        def cut(convert: Callable[[Array], Array]) -> list[Array]:
            whole = np.asarray(_computed(leaf))
            return [convert(whole[*before, start:end]) for start, end in bounds]

        if not self.constants.never_changes(leaf):
            return cut(self.to_host)
        parts: Sequence[Array] = self.constants.once(leaf, lambda _: cut(self.to_device), (axis, bounds))
        return parts


def _computed(array: Array) -> Array:
    """Return an array after waiting for it.

    To read an array of a CPU whose memory could not be allocated ends the process; to wait for it raises an error.
    """
    return array.block_until_ready() if isinstance(array, jax.Array) else array


@cache
def _threads(cores: int) -> list[ThreadPoolExecutor]:
    """Return the enqueueing threads besides the caller's, kept for the process: XLA preserves each one's order."""
    return [ThreadPoolExecutor(1, thread_name_prefix="gm_jax_backend") for _ in range(cores - 1)]
