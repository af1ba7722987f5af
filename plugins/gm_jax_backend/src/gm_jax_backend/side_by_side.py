"""A fleet's members in parts: one for each core, or more where the members of a core don't fit its cache.

What one thread gives a CPU, XLA computes one program after the other, and the operations of a small network are too
small to be spread over cores. So each core's parts get a thread that enqueues them. All parts are of one size, and of
one compiled program: where the members don't divide evenly, the last part overlaps the one before.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import attrs
import jax
import numpy as np

from gmcore.domain import Array, Constants

__all__ = ["SideBySide", "cores", "on_one_core"]

# What spreads an operation over cores: parts that do so wait for each other.
_SPREADS = "cpu-parallel-task-assigner"
# What a part may hold, in bytes: from there on a core waits for memory more than it computes.
_CACHE = 8 << 20
Bounds = tuple[tuple[int, int], ...]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_one_core(options: Mapping[str, str]) -> dict[str, str]:
    """Return compiler options for a part: its operations stay on the core that it has."""
    name = "xla_disable_hlo_passes"
    return {**options, name: ",".join(filter(None, (options.get(name), _SPREADS)))}


@attrs.frozen(eq=False)
class Parted:
    """An array of all members, `(members, …)`, in the parts that it was computed in."""

    parts: Sequence[Array]
    bounds: Bounds

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.bounds[-1][1], *self.parts[0].shape[1:])

    @property
    def dtype(self) -> Any:
        return self.parts[0].dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return it whole, on the host."""
        del copy  # it is one
        *others, last = map(np.asarray, self.parts)
        overlap = self.bounds[-2][1] - self.bounds[-1][0]
        return np.concatenate([*others, last[overlap:]], dtype=dtype)


@attrs.frozen(kw_only=True, eq=False)
class SideBySide:
    """A compiled program of a fleet, called with all members, computed in parts.

    Attributes:
        alone: the program for all members, which may take all cores.
        first: the program for a part, which a call with new shapes compiles.
        others: the same, compiled.
        axes: the members' axis of each argument, None where all share it.
        cores: how many parts are computed at once.
        to_host: an argument as a program takes it.
        to_device: one that lasts.
        constants: what was brought there before.
        cuts: where parts begin and end, by how many members there are.
    """

    alone: Callable[..., Any]
    first: Callable[..., Any]
    others: Callable[..., Any]
    axes: Sequence[int | None]
    cores: int
    to_host: Callable[[Any], np.ndarray]
    to_device: Callable[[Any], Array]
    constants: Constants
    cuts: dict[int, Bounds] = attrs.field(init=False, factory=dict)

    def __call__(self, *args: Any) -> Any:
        given = list(zip(args, self.axes, strict=True))
        bounds = self._bounds(given)
        if len(bounds) <= 1:
            return self.alone(*args)
        parts = list(zip(*(self._parts(arg, axis, bounds) for arg, axis in given), strict=True))
        # The first call compiles: only when it is through do the others follow.
        results = [self.first(*parts[0])]
        lanes = [parts[place :: self.cores] for place in range(self.cores)]
        futures = [
            thread.submit(self._enqueue, lane) for thread, lane in zip(_threads(self.cores), lanes[1:], strict=True)
        ]
        mine = [*results, *self._enqueue(lanes[0][1:])]
        of_lanes = [mine, *(future.result() for future in futures)]
        results = [of_lanes[place % self.cores][place // self.cores] for place in range(len(parts))]
        return jax.tree.map(lambda *leaves: Parted(leaves, bounds), *results)

    def _enqueue(self, parts: Sequence[Sequence[Any]]) -> list[Any]:
        return [self.others(*part) for part in parts]

    def _bounds(self, given: Sequence[tuple[Any, int | None]]) -> Bounds:
        """Return where the parts begin and end: one for each core, or more where that many don't fit its cache."""
        leaf, axis = next((leaf, axis) for arg, axis in given if axis is not None for leaf in jax.tree.leaves(arg))
        many = leaf.shape[axis]
        if many not in self.cuts:
            held = [leaf for arg, axis in given if axis == 0 for leaf in jax.tree.leaves(arg)]
            one = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in held) / many
            size = max(1, min(-(-many // self.cores), int(_CACHE / max(1.0, one))))
            starts = [min(at, many - size) for at in range(0, many, size)]
            self.cuts[many] = tuple((start, start + size) for start in starts)
        return self.cuts[many]

    def _parts(self, arg: Any, axis: int | None, bounds: Bounds) -> list[Any]:
        """Return an argument of each part, on the device."""
        leaves: list[Any]
        tree: Any
        leaves, tree = jax.tree.flatten(arg)
        if axis is None:
            whole = [leaf if isinstance(leaf, jax.Array) else self.to_device(leaf) for leaf in leaves]
            return [tree.unflatten(whole)] * len(bounds)
        cut = [self._cut(leaf, axis, bounds) for leaf in leaves]
        return [tree.unflatten([parts[place] for parts in cut]) for place in range(len(bounds))]

    def _cut(self, leaf: Any, axis: int, bounds: Bounds) -> Sequence[Array]:
        if isinstance(leaf, Parted) and leaf.bounds == bounds and axis == 0:
            return leaf.parts
        before = (slice(None),) * axis

        def cut(bring: Callable[[Any], Any]) -> list[Any]:
            whole = np.asarray(leaf)
            return [bring(whole[*before, start:end]) for start, end in bounds]

        if not self.constants.never_changes(leaf):
            return cut(self.to_host)
        parts: Sequence[Array] = self.constants.once(leaf, lambda _: cut(self.to_device), (axis, bounds))
        return parts


@cache
def _threads(cores: int) -> list[ThreadPoolExecutor]:
    """Return threads that enqueue, beside the caller's, for the life of the process: XLA keeps the order of each."""
    return [ThreadPoolExecutor(1, thread_name_prefix="gm_jax_backend") for _ in range(cores - 1)]
