"""A snapshot of a chunk's training: all that resuming needs."""

import attrs

from gmcore.domain.tree import Tree

__all__ = ["Snapshot"]


@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """The complete state of a chunk's training at one step; a resume needs nothing else.

    Attributes:
        chunk: index of the chunk in the fleet, from 0.
        members: the members' indices.
        epoch: number of epochs that are over.
        step: number of steps done in the next epoch.
        done: whether training has ended.
        seconds: wall time of training so far.
        arrays: NumPy arrays: the trees `carry`, `state` and `buffers` of the compiled programs, the `history`,
            `(epochs, numbers, members)` float64, and the `failures`.
        numbers: names of the second axis of the history.
    """

    chunk: int
    members: tuple[int, ...]
    epoch: int
    step: int
    done: bool
    seconds: float
    arrays: Tree
    numbers: tuple[str, ...] = ()
