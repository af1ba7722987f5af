"""A snapshot of a chunk's training: all that resuming needs."""

import math

import attrs
from attrs.validators import and_, deep_iterable, ge, instance_of, lt

from gmcore.domain.tree import Tree

__all__ = ["Snapshot"]

_COUNT = and_(instance_of(int), ge(0))


@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """The complete state of a chunk's training at one step; a resume needs nothing else.

    Attributes:
        chunk: place of the chunk's first member in the fleet, from 0.
        members: the members' indices.
        epoch: number of epochs that are over.
        step: number of steps done in the next epoch.
        done: whether training has ended.
        seconds: wall time of training so far.
        arrays: NumPy arrays: the trees `carry`, `state` and `buffers` of the compiled programs, the `history`,
            `(epochs, numbers, members)` float64, and the `failures`.
        numbers: names of the second axis of the history.
    """

    chunk: int = attrs.field(validator=_COUNT)
    members: tuple[int, ...] = attrs.field(validator=deep_iterable(_COUNT))
    epoch: int = attrs.field(validator=_COUNT)
    step: int = attrs.field(validator=_COUNT)
    done: bool = attrs.field(validator=instance_of(bool))
    seconds: float = attrs.field(validator=and_(ge(0.0), lt(math.inf)))
    arrays: Tree
    numbers: tuple[str, ...] = attrs.field(default=(), validator=deep_iterable(instance_of(str)))
