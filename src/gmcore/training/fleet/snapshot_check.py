"""The check that a snapshot is one of the run that resumes from it."""

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

from gmcore.domain import Member, Snapshot, Variables, WorkflowConfig, generator
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.errors import ModelFileError
from gmcore.nn.index_check import check_indices
from gmcore.ports import Model, TrainingTask
from gmcore.training.fleet.failures import FAILURE_WIDTH
from gmcore.training.fleet.history import history_columns
from gmcore.training.fleet.members import arrays_of_initial_shape
from gmcore.training.fleet.trees import FleetArrays, SnapshotArrays

__all__ = ["check_snapshot"]

_TREES = ("carry", "state", "buffers", "shared")


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
        *_other_members(snapshot, members),
        *_missing_or_more(expected, found),
        *_unlike(expected, found, np.dtype(task.backend.dtype)),
        *_past(snapshot, arrays, len(members), task.config),
    ]
    problems = problems or list(_changed(arrays, task))
    problems = problems or list(_outside(arrays, task.model, len(members)))
    if problems:
        raise ModelFileError(
            f"the checkpoint of chunk {snapshot.chunk} is not one of this run, or it was edited: {problems[0]}; "
            "to train its models from the start, remove the run's folder 'checkpoints'"
        )


def _other_members(snapshot: Snapshot, members: Sequence[Member]) -> Iterator[str]:
    indices = tuple(member.index for member in members)
    if snapshot.members != indices:
        yield f"it is of members {snapshot.members}, the run has members {indices} there"


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


def _changed(arrays: SnapshotArrays, task: TrainingTask) -> Iterator[str]:
    """Yield the shared arrays that differ from those of the model, such as after an exchange of its base."""
    found = tree_flatten(arrays.get("shared", {}))
    own = tree_flatten(task.model.init(generator(0, "weights", 0)).shared) if found else {}
    for name, one in found.items():
        if not np.array_equal(one, own[name].astype(one.dtype), equal_nan=True):
            yield f"its array shared.{name} differs from the model's, which training never changes"


def _past(snapshot: Snapshot, arrays: SnapshotArrays, members: int, config: WorkflowConfig) -> Iterator[str]:
    """Yield what is wrong with the record of the epochs that are over."""
    if snapshot.epoch > config.max_epochs:
        yield f"it is of epoch {snapshot.epoch}, the run has {config.max_epochs}"
    columns = history_columns(config)
    if snapshot.epoch and snapshot.numbers[: len(columns)] != columns:
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
                check_indices(model, Variables(own["params"], own["buffers"], arrays.get("shared", {})))
            except IndexError as error:
                yield f"an integer in its arrays is out of range ({error})"


def _are_failures(table: np.ndarray, members: int, parameters: int) -> bool:
    """Return whether a table is one of `failures_to_table`: member, parameter, epoch and step are whole numbers."""
    if table.shape[1:] != (FAILURE_WIDTH,) or table.dtype != np.float64:
        return False
    whole = table[:, :4]
    limits = (members, parameters, np.inf, np.inf)
    return bool((np.isfinite(whole) & (whole >= 0) & (whole < limits) & (whole == np.floor(whole))).all())
