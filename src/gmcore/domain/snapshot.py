"""Everything a chunk of a fleet needs to go on training."""

import attrs

from gmcore.domain.tree import Tree

__all__ = ["Snapshot"]


@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """Where the training of a chunk stands, and all it has: nothing else is remembered anywhere.

    Attributes:
        chunk: which chunk of the fleet, from 0.
        members: the members' indices.
        numbers: the names of the numbers in the history.
        epoch: epochs that are over.
        step: steps of the next epoch that are done.
        done: whether it has ended.
        seconds: wall time so far.
        arrays: NumPy arrays: `carry`, `state` and `buffers` of the programs, the `history`,
            `(epochs, numbers, members)`, and the `failures`.
    """

    chunk: int
    members: tuple[int, ...]
    epoch: int
    step: int
    done: bool
    seconds: float
    arrays: Tree
    numbers: tuple[str, ...] = ()
