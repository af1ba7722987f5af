"""The checkpoints of one chunk: restored, checked, copied on the device, and handed to the store that writes them."""

from typing import cast

import attrs

from gmcore.domain import Snapshot, Variables
from gmcore.domain.tree import tree_map
from gmcore.ports import Backend, CheckpointStore
from gmcore.training.fleet.clock import Clock
from gmcore.training.fleet.device_chunk import DeviceChunk
from gmcore.training.fleet.failures import failures_from_table, failures_to_table
from gmcore.training.fleet.history import History
from gmcore.training.fleet.segments import Position
from gmcore.training.fleet.trees import Carry, FleetArrays, SnapshotArrays, State, Weights

__all__ = [
    "Checkpointer",
    "DeviceCopy",
    "best_so_far",
    "kept_so_far",
    "restored",
    "restored_arrays",
    "restored_history",
]


@attrs.frozen(kw_only=True, eq=False)
class DeviceCopy:
    """A checkpoint that is still on the device: copies of carry and state, and where in training they are from."""

    carry: Carry
    state: State
    position: Position
    seconds: float
    done: bool


@attrs.define(kw_only=True, eq=False)
class Checkpointer:
    """Makes a chunk's checkpoints in two steps, so that the device never waits for the disk.

    `copy` enqueues a copy on the device. Once the device has more work, `take_copy` and `write` read that copy and
    hand it to the store, which writes it in a thread. There is one copy at most. Without a store nothing is done.

    Attributes:
        store: where checkpoints are kept; None for nowhere.
        place: place of the chunk's first member in the fleet, which numbers the chunk: its size may change.
        members: the members' indices.
        clock: times copies, reads and writes.
    """

    store: CheckpointStore | None
    place: int
    members: tuple[int, ...]
    clock: Clock
    _copy: DeviceCopy | None = attrs.field(init=False, default=None)

    def restore(self) -> Snapshot | None:
        """Return the chunk's latest snapshot; None if there is none, or only one of a larger chunk."""
        snapshot = restored(self.store, self.place)
        return snapshot if snapshot is not None and snapshot.members == self.members else None

    def due(self, position: Position) -> bool:
        """Return whether a checkpoint is due at this place in training."""
        return self.store is not None and self.store.due(epoch=position.epoch, step=position.step)

    def copy(self, device: DeviceChunk, position: Position, *, seconds: float, done: bool) -> None:
        """Enqueue a copy of the chunk's arrays on the device, to be written later.

        Args:
            device: the chunk's arrays.
            position: where training stands.
            seconds: wall time of the chunk so far.
            done: whether its training has ended.
        """
        if self.store is not None:
            carry, state = device.copy()
            self._copy = DeviceCopy(carry=carry, state=state, position=position, seconds=seconds, done=done)

    def take_copy(self) -> DeviceCopy | None:
        """Return the copy that is to be written and forget it; None if there is none."""
        copy, self._copy = self._copy, None
        return copy

    def write(self, copy: DeviceCopy, device: DeviceChunk, history: History) -> None:
        """Read a copy and hand it to the store, which writes it in a thread.

        Args:
            copy: as `take_copy` returned it.
            device: the chunk's arrays, of which only those that never change are read.
            history: all epochs up to the copy.
        """
        assert self.store is not None  # noqa: S101 - without a store there are no copies
        carry, state, buffers, shared = self.clock.read((copy.carry, copy.state, device.buffers, device.shared))
        arrays: SnapshotArrays = {
            "carry": carry,
            "state": state,
            "buffers": buffers,
            "shared": shared,
            "history": history.stacked(),
            "failures": failures_to_table(history.failures, carry["params"]),
        }
        snapshot = Snapshot(
            chunk=self.place,
            members=self.members,
            numbers=history.names,
            epoch=copy.position.epoch,
            step=copy.position.step,
            done=copy.done,
            seconds=copy.seconds,
            arrays=arrays,
        )
        save = self.store.save
        self.clock.time("saving", lambda: save(snapshot))

    def report(self) -> None:
        """Have the store tell listeners of a checkpoint that has become durable."""
        if self.store is not None:
            self.store.report()

    def wait(self) -> None:
        """Wait until the last checkpoint is durable."""
        if self.store is not None:
            self.clock.time("saving", self.store.wait)


def restored(store: CheckpointStore | None, place: int) -> Snapshot | None:
    """Return the latest snapshot of the chunk whose first member has that place in the fleet; None if there is none."""
    snapshot = store.load(place) if store else None
    return snapshot and attrs.evolve(snapshot, arrays=_with_empty_trees(cast("SnapshotArrays", snapshot.arrays)))


def restored_arrays(snapshot: Snapshot, backend: Backend) -> FleetArrays:
    """Return the arrays of a restored snapshot, on the device."""
    arrays = cast("SnapshotArrays", snapshot.arrays)
    return FleetArrays(
        carry=backend.asarray(arrays["carry"]),
        state=backend.asarray(arrays["state"]),
        buffers=backend.asarray(arrays["buffers"]),
        shared=backend.asarray(arrays["shared"]),
    )


def restored_history(snapshot: Snapshot) -> History:
    """Return the history of a restored snapshot."""
    arrays = cast("SnapshotArrays", snapshot.arrays)
    return History(
        names=snapshot.numbers,
        epochs=list(arrays["history"]),
        failures=failures_from_table(arrays["failures"], arrays["carry"]["params"]),
    )


def best_so_far(snapshot: Snapshot, place: int = 0) -> tuple[Variables, int] | None:
    """Return the best variables of a member so far, and the number of their epoch, from 1; None before the first ends.

    Args:
        snapshot: a chunk's, as a store loads it.
        place: the member's place in the chunk.
    """
    epoch = int(cast("SnapshotArrays", snapshot.arrays)["state"]["best_epoch"][place])
    kept = kept_so_far(snapshot)
    own = tree_map(lambda leaf: leaf[place], {"params": kept["params"], "buffers": kept["buffers"]})
    return (Variables(own["params"], own["buffers"], kept["shared"]), epoch) if epoch else None


def kept_so_far(snapshot: Snapshot) -> Weights:
    """Return the weights that the results of a snapshot's members would have, `(members, …)`, on the host."""
    arrays = _with_empty_trees(cast("SnapshotArrays", snapshot.arrays))
    kept = arrays["state"]["kept"]
    buffers = kept.get("buffers", arrays.get("buffers", {}))
    return {"params": kept["params"], "buffers": buffers, "shared": arrays.get("shared", {})}


def _with_empty_trees(arrays: SnapshotArrays) -> SnapshotArrays:
    """Return a snapshot's arrays with the trees that a file leaves out because they are empty.

    Without momentum SGD has no state, and a model may have no buffers. What is not empty keeps its place: order counts.
    """
    carry = cast("Carry", dict(arrays.get("carry", {})))
    carry.setdefault("optimizer", {})
    whole: SnapshotArrays = {**arrays, "carry": carry}
    whole.setdefault("buffers", {})
    whole.setdefault("shared", {})
    return whole
