"""The trees of arrays that training passes around: their keys, shapes and dtypes.

At run time each is a plain dict, which both JAX and MLX take as a tree of arrays; the types are for the reader and for
mypy. The same tree exists on the host (NumPy) and on the device (the backend's arrays): `float` is then float64 and the
backend's float dtype. Where a table says `(members, …)`, the members of one chunk are on the first axis.

The order of the keys counts: MLX computes by it, down to the last bits, and a checkpoint restores it; JAX sorts them.
"""

from collections.abc import Mapping
from typing import NamedTuple, Never, NotRequired, TypedDict

from gmcore.domain import Array, Tree

__all__ = [
    "Batch",
    "BatchOptions",
    "Carry",
    "Common",
    "EvaluationBatches",
    "EvaluationInputs",
    "EvaluationShared",
    "FleetArrays",
    "LossScale",
    "ResidentRows",
    "ResidentWindows",
    "SnapshotArrays",
    "State",
    "Summary",
    "Totals",
    "TrainedWeights",
    "TrainingBatches",
    "TrainingShared",
    "Weights",
]


class Weights(TypedDict):
    """Params and buffers of a chunk's members, `(members, …)`, and what they share; each may be empty."""

    params: Tree
    buffers: Tree
    shared: Tree  # without the members' axis


class TrainedWeights(TypedDict):
    """The part of the weights that training changes: buffers only if the model changes them."""

    params: Tree
    buffers: NotRequired[Tree]


class LossScale(TypedDict):
    """How losses are scaled in float16."""

    scale: Array  # (members,) float, a power of two
    streak: Array  # (members,) int32: steps since the scale last changed


class Carry(TypedDict):
    """What one training step hands to the next."""

    params: Tree  # (members, …) float
    buffers: NotRequired[Tree]  # (members, …): if the model changes its buffers in training
    optimizer: Tree  # the optimizer's state, (members, …)
    loss: Array  # (members,) float: sum over the epoch's rows so far, weighted; NaN once a member has failed
    steps: Array  # (members,) int32: optimizer steps taken this epoch
    scaling: NotRequired[LossScale]  # in float16
    # If the schedule reacts to the loss: the factor of the planned learning rates, and the summed weight of the epoch's
    # rows so far, (members,) float each.
    rate_scale: NotRequired[Array]
    train_weight: NotRequired[Array]
    average: NotRequired[TrainedWeights]  # of the weights so far, if one is configured
    # If the history has norms of gradients: the sum of this epoch's so far, the largest, and their number, that of the
    # steps that were taken; (members,) float each.
    norm_sum: NotRequired[Array]
    norm_max: NotRequired[Array]
    norm_count: NotRequired[Array]


class State(TypedDict):
    """What one epoch hands to the next: early stopping, and the weights that are kept."""

    center: NotRequired[Array]  # (members, targets) float, near the mean of the stop targets; not for classes
    stop_weight: Array  # (members,) float: summed weight of the stop rows, 0 without any
    epoch: Array  # (members,) int32: epochs that are over
    active: Array  # (members,) bool: mask of the members that are still training
    best_loss: Array  # (members,) float: stop loss of the last epoch that improved, infinite before the first
    # If early stopping compares anything else than the stop loss: the value of that epoch, and the moving average that
    # is compared; (members,) float each, lower for better members.
    best_value: NotRequired[Array]
    smoothed: NotRequired[Array]
    best_epoch: Array  # (members,) int32, from 1: the epoch that `kept` is from
    stale: Array  # (members,) int32: epochs since it last improved
    kept: TrainedWeights  # what the result gets: the best epoch's or the last one's
    feedback: NotRequired[Tree]  # (members,) each: the state of a schedule that reacts to the loss


class FleetArrays(NamedTuple):
    """All that a chunk has on the device between two calls.

    `buffers`, `(members, …)`, are those that training does not change: empty if they are in the carry. `shared`,
    without the members' axis, is what all members have in common.
    """

    carry: Carry
    state: State
    buffers: Tree
    shared: Tree


class TrainingBatches(TypedDict):
    """The plan of some training steps, `(steps, …)`; a step function sees one step, without that axis.

    The rows are named by `indices` if they are on the device, else they are here as `inputs` and `targets`.
    """

    indices: NotRequired[Array]  # (steps, members, batch) int32: row numbers; padding repeats the member's first row
    coefficients: Mapping[str, Array]  # the optimizer's, (steps, members) float each
    weights: Array  # (steps, members, batch) float: row weights, 0 for padding
    weight: Array  # (steps, members) float: summed weight of the rows, 1 where that is 0; losses are divided by it
    counts: Array  # (steps, members) bool: mask of the members that have rows of any weight in this step
    key: NotRequired[Array]  # (steps, members, 2) uint32: random keys, if the model needs them in training
    average: NotRequired[Array]  # (steps, members) float: share of the newest weights in the average of weights
    factors: NotRequired[Mapping[str, Array]]  # (steps, members) float each: of the model's scheduled settings
    inputs: NotRequired[Mapping[str, Array]]  # (steps, members, batch, …) each
    targets: NotRequired[Array]  # (steps, members, batch, …)


class EvaluationBatches(TypedDict):
    """The plan of some evaluation steps, `(steps, …)`; keys as in `TrainingBatches`, padding is row 0."""

    indices: NotRequired[Array]
    weights: Array
    key: NotRequired[Never]  # evaluation draws no random numbers
    inputs: NotRequired[Mapping[str, Array]]
    targets: NotRequired[Array]


class BatchOptions(TypedDict, total=False):
    """The keys of `Batch` that it may not have."""

    key: Array  # (members, 2) uint32: random keys, if the model needs them in training
    center: Array  # (members, targets), as in `State`


class Batch(BatchOptions):
    """One step's rows, `(members, batch, …)`; a model sees one member's, `(batch, …)`."""

    weights: Array  # (members, batch) float: row weights, 0 for padding
    inputs: Mapping[str, Array]
    targets: Array


class ResidentWindows(TypedDict):
    """An input that is windows of a series, on the device."""

    series: Array  # (all steps, …)
    starts: Array  # (rows,) int32: the first step of each window


class ResidentRows(TypedDict, total=False):
    """All rows, on the device, shared by all members and steps: `(rows, …)`; empty if they stay on the host."""

    inputs: Mapping[str, Array | ResidentWindows]
    targets: Array


class Common(ResidentRows, total=False):
    """What all members and steps share: the resident rows, and the shared variables, absent if there are none."""

    shared: Tree


class TrainingShared(Common):
    """What all training steps share."""

    buffers: Tree  # (members, …): those that training does not change


class EvaluationInputs(TypedDict):
    """What is evaluated: `(members, …)`."""

    params: Tree
    buffers: Tree
    center: NotRequired[Array]  # (members, targets), as in `State`


class EvaluationShared(Common, EvaluationInputs):
    """What all evaluation steps share."""


class Totals(TypedDict):
    """Sums over evaluated rows."""

    loss: Array  # (members,) float: weighted sum of the rows' losses
    by_metric: Mapping[str, Tree]  # each metric's sums, (members, …) float, by its place: "0", "1", …


class Summary(TypedDict):
    """All that the host reads of an epoch."""

    numbers: Array  # (members, numbers) float, in the order of `early_stopping.summary_columns`
    by_metric: Mapping[str, Tree]  # as in `Totals`


class SnapshotArrays(TypedDict):
    """What a checkpoint holds, as NumPy arrays: the keys of `Snapshot.arrays`.

    Files know no empty trees: where a tree has no leaves its key may be missing.
    """

    carry: Carry
    state: State
    buffers: NotRequired[Tree]
    shared: NotRequired[Tree]
    history: Array  # (epochs, numbers, members) float64
    failures: Array  # (failures, 8) float64, see `failures.failures_to_table`
