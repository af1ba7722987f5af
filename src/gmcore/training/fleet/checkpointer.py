"""The checkpoints of one chunk: restored, checked, copied on the device, and handed to the store that writes them."""

from collections.abc import Iterator, Sequence
from typing import cast

import attrs
import numpy as np

from gmcore.domain import Member, Snapshot, Variables
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.errors import InputError, ModelFileError
from gmcore.nn.index_check import check_indices
from gmcore.ports import Backend, CheckpointStore, Model, TrainingTask
from gmcore.training.fleet.clock import Clock
from gmcore.training.fleet.device_chunk import DeviceChunk
from gmcore.training.fleet.failures import FAILURE_WIDTH, failures_from_table, failures_to_table
from gmcore.training.fleet.history import History
from gmcore.training.fleet.members import arrays_of_initial_shape
from gmcore.training.fleet.segments import Position
from gmcore.training.fleet.trees import Carry, FleetArrays, SnapshotArrays, State, Weights

__all__ = [
    "Checkpointer",
    "DeviceCopy",
    "best_so_far",
    "check_snapshot",
    "kept_so_far",
    "restored_arrays",
    "restored_history",
]

_TREES = ("carry", "state", "buffers")


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
        chunk: index of the chunk in the fleet.
        members: the members' indices.
        clock: times copies, reads and writes.
    """

    store: CheckpointStore | None
    chunk: int
    members: tuple[int, ...]
    clock: Clock
    _copy: DeviceCopy | None = attrs.field(init=False, default=None)

    def restore(self) -> Snapshot | None:
        """Return the chunk's latest snapshot; None if there is none.

        Raises:
            InputError: if it is of other members.
        """
        snapshot = self.store.load(self.chunk) if self.store else None
        if snapshot is None:
            return None
        if snapshot.members != self.members:
            raise InputError(
                f"the checkpoint is of members {snapshot.members}, this chunk has members {self.members}: "
                f"set members_per_chunk = {len(snapshot.members)}"
            )
        return attrs.evolve(snapshot, arrays=_with_empty_trees(cast("SnapshotArrays", snapshot.arrays)))

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
        carry, state, buffers = self.clock.read((copy.carry, copy.state, device.buffers))
        arrays: SnapshotArrays = {
            "carry": carry,
            "state": state,
            "buffers": buffers,
            "history": history.stacked(),
            "failures": failures_to_table(history.failures, carry["params"]),
        }
        snapshot = Snapshot(
            chunk=self.chunk,
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


def check_snapshot(snapshot: Snapshot, task: TrainingTask, members: Sequence[Member]) -> None:
    """Check that a snapshot has the arrays that training these members has, by name, shape and dtype.

    Args:
        snapshot: the snapshot, as `Checkpointer.restore` returns it.
        task: what the members share.
        members: the chunk's.

    Raises:
        ModelFileError: if it has others; the message names the first one.
    """
    arrays = cast("SnapshotArrays", snapshot.arrays)
    expected = _flat(arrays_of_initial_shape(task, members))
    found = {name: leaf for name, leaf in tree_flatten(snapshot.arrays).items() if name.partition(".")[0] in _TREES}
    problems = [
        *_missing_or_more(expected, found),
        *_unlike(expected, found, np.dtype(task.backend.dtype)),
        *_past(snapshot, arrays, len(members), task.config.max_epochs),
    ]
    problems = problems or list(_outside(arrays, task.model, len(members)))
    if problems:
        raise ModelFileError(
            f"the checkpoint of chunk {snapshot.chunk} is not one of this run, or it was edited: {problems[0]}; "
            "to train its models from the start, remove the run's folder 'checkpoints'"
        )


def restored_arrays(snapshot: Snapshot, backend: Backend) -> FleetArrays:
    """Return the arrays of a restored snapshot, on the device."""
    arrays = cast("SnapshotArrays", snapshot.arrays)
    return FleetArrays(
        carry=backend.asarray(arrays["carry"]),
        state=backend.asarray(arrays["state"]),
        buffers=backend.asarray(arrays["buffers"]),
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
    own = tree_map(lambda leaf: leaf[place], kept_so_far(snapshot))
    return (Variables(own["params"], own["buffers"]), epoch) if epoch else None


def kept_so_far(snapshot: Snapshot) -> Weights:
    """Return the weights that the results of a snapshot's members would have, `(members, …)`, on the host."""
    arrays = _with_empty_trees(cast("SnapshotArrays", snapshot.arrays))
    kept = arrays["state"]["kept"]
    return {"params": kept["params"], "buffers": kept.get("buffers", arrays.get("buffers", {}))}


def _with_empty_trees(arrays: SnapshotArrays) -> SnapshotArrays:
    """Return a snapshot's arrays with the trees that a file leaves out because they are empty.

    Without momentum SGD has no state, and a model may have no buffers. What is not empty keeps its place: order counts.
    """
    carry = cast("Carry", dict(arrays.get("carry", {})))
    carry.setdefault("optimizer", {})
    whole: SnapshotArrays = {**arrays, "carry": carry}
    whole.setdefault("buffers", {})
    return whole


def _flat(arrays: FleetArrays) -> dict[str, np.ndarray]:
    return tree_flatten(arrays._asdict())


def _missing_or_more(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> Iterator[str]:
    for name in sorted(expected.keys() - found.keys()):
        yield f"it lacks the array {name}"
    for name in sorted(found.keys() - expected.keys()):
        yield f"its model has no array {name:.100}"


def _unlike(
    expected: dict[str, np.ndarray], found: dict[str, np.ndarray], floating: "np.dtype[np.generic]"
) -> Iterator[str]:
    """Yield the arrays of other shapes or dtypes; floats have the dtype of the run."""
    for name in expected.keys() & found.keys():
        usual, one = expected[name], found[name]
        if one.shape != usual.shape:
            yield f"{name} has shape {list(one.shape)}, its model has {list(usual.shape)}"
        elif one.dtype.kind != usual.dtype.kind or (usual.dtype.kind == "f" and one.dtype != floating):
            wanted = floating if usual.dtype.kind == "f" else usual.dtype
            yield f"{name} has dtype {one.dtype}, its model has {wanted}"


def _past(snapshot: Snapshot, arrays: SnapshotArrays, members: int, max_epochs: int) -> Iterator[str]:
    """Yield what is wrong with the record of the epochs that are over."""
    if snapshot.epoch > max_epochs:
        yield f"it is of epoch {snapshot.epoch}, the run has {max_epochs}"
    columns = History().names
    if snapshot.numbers[: len(columns)] != columns:
        yield "the columns of its history have other names"
    history, failures = np.asarray(arrays.get("history")), np.asarray(arrays.get("failures"))
    epochs = history.shape[0] if history.ndim else -1
    # After the epochs that a chunk knows of, one may be computed for nothing.
    possible = 0 < epochs <= snapshot.epoch if snapshot.epoch else epochs == 0
    if (
        not possible
        or history.dtype != np.float64
        or (epochs and history.shape[1:] != (len(snapshot.numbers), members))
    ):
        yield f"its history has shape {list(history.shape)} and dtype {history.dtype} after {snapshot.epoch} epochs"
    if not _are_failures(failures, members, len(tree_flatten(arrays.get("carry", {}).get("params", {})))):
        yield "its record of failed members is malformed"


def _outside(arrays: SnapshotArrays, model: Model, members: int) -> Iterator[str]:
    """Yield the integers of the members' buffers that index outside an array; equal integers are checked once."""
    carry, kept = arrays["carry"], arrays["state"]["kept"]
    buffers = carry.get("buffers", arrays.get("buffers", {}))
    checked = set()
    for weights in ((carry["params"], buffers), (kept["params"], kept.get("buffers", buffers))):
        for place in range(members):
            own = tree_map(lambda leaf, place=place: leaf[place], {"params": weights[0], "buffers": weights[1]})
            integers = b"".join(leaf.tobytes() for leaf in tree_leaves(own) if leaf.dtype.kind in "iu")
            if integers in checked:
                continue
            checked.add(integers)
            try:
                check_indices(model, Variables(own["params"], own["buffers"]))
            except IndexError as error:
                yield f"an integer in its arrays is out of range ({error})"


def _are_failures(table: np.ndarray, members: int, parameters: int) -> bool:
    """Return whether a table is one of `failures_to_table`: member, parameter, epoch and step are whole numbers."""
    if table.shape[1:] != (FAILURE_WIDTH,) or table.dtype != np.float64:
        return False
    whole = table[:, :4]
    limits = (members, parameters, np.inf, np.inf)
    return bool((np.isfinite(whole) & (whole >= 0) & (whole < limits) & (whole == np.floor(whole))).all())
