"""The configuration of a run: frozen settings, each validated at its field."""

from typing import Literal

import attrs
from attrs.validators import ge, gt, in_, instance_of, lt, optional

__all__ = [
    "BatchConfig",
    "CheckpointConfig",
    "EarlyStoppingConfig",
    "SequenceConfig",
    "SplitConfig",
    "WorkflowConfig",
]

_FRACTION = [gt(0.0), lt(1.0)]
_STRATEGIES = ("random", "chronological", "stratified")


@attrs.frozen(kw_only=True)
class BatchConfig:
    """How rows become batches.

    Attributes:
        batch_size: rows per batch.
        shuffle: whether to shuffle the rows each epoch.
        drop_last: whether to drop an incomplete last batch; otherwise it is padded with rows of weight 0.
        seed: seed of the shuffle.
    """

    batch_size: int = attrs.field(default=32, validator=ge(1))
    shuffle: bool = True
    drop_last: bool = False
    seed: int = attrs.field(default=0, validator=ge(0))


@attrs.frozen(kw_only=True)
class SplitConfig:
    """How rows are held out.

    Attributes:
        fraction: fraction of the rows to hold out, below 1: `ceil(fraction * rows)` rows, as in scikit-learn;
            0 for none.
        strategy: `"random"`; `"chronological"`: the latest rows; `"stratified"`: each class in
            proportion; `"auto"`: chronological if the schema has a time column, else stratified
            for classification and random for regression. Rows of one group stay together.
        seed: seed of random splits.
    """

    fraction: float = attrs.field(default=0.2, validator=[ge(0.0), lt(1.0)])
    strategy: Literal["auto", "random", "chronological", "stratified"] = attrs.field(
        default="auto", validator=in_(("auto", *_STRATEGIES))
    )
    seed: int = attrs.field(default=0, validator=ge(0))


@attrs.frozen(kw_only=True)
class EarlyStoppingConfig:
    """When a member stops before `max_epochs`.

    Attributes:
        patience: epochs without improvement after which a member stops.
        min_delta: minimum decrease of the loss that counts as an improvement.
        fraction: fraction of the training rows that is monitored instead of trained on; plain training uses its
            validation rows if there are any. Rows that are held out for scoring are never monitored.
        restore_best: whether the result has the weights of the best epoch, or of the last one.
    """

    patience: int = attrs.field(default=10, validator=ge(1))
    min_delta: float = attrs.field(default=0.0, validator=ge(0.0))
    fraction: float = attrs.field(default=0.1, validator=_FRACTION)
    restore_best: bool = True


@attrs.frozen(kw_only=True)
class CheckpointConfig:
    """When training writes checkpoints; it also writes one when it is stopped.

    Attributes:
        seconds: wall time between checkpoints; `inf` to disable.
        every_epochs: epochs between checkpoints; None to disable.
        every_steps: steps between checkpoints within an epoch; None to disable.
        keep: number of latest checkpoints to keep; each includes the best weights so far.
        on_error: what to do when a checkpoint can't be written, for example because the disk is full. `"stop"`: the
            run fails, and can be resumed from earlier checkpoints; `"continue"`: it continues with a message.
    """

    seconds: float = attrs.field(default=60.0, validator=ge(0.0))
    every_epochs: int | None = attrs.field(default=None, validator=optional(ge(1)))
    every_steps: int | None = attrs.field(default=None, validator=optional(ge(1)))
    keep: int = attrs.field(default=2, validator=ge(1))
    on_error: Literal["stop", "continue"] = attrs.field(default="stop", validator=in_(("stop", "continue")))


@attrs.frozen(kw_only=True)
class SequenceConfig:
    """How a data set is cut into an ordered list of sequences.

    Attributes:
        max_length: maximum number of rows in a sequence.
        count: maximum number of sequences; None for no limit.
        strategy: `"consecutive"`: one after the other; `"random"`: random start positions;
            `"curriculum"`: growing sets, from easy to hard.
        difficulty: for a curriculum, the numeric column with the difficulty of a row.
        seed: seed of random start positions.
    """

    max_length: int = attrs.field(validator=ge(1))
    count: int | None = attrs.field(default=None, validator=optional(ge(1)))
    strategy: Literal["consecutive", "random", "curriculum"] = attrs.field(
        default="consecutive", validator=in_(("consecutive", "random", "curriculum"))
    )
    difficulty: str | None = None
    seed: int = attrs.field(default=0, validator=ge(0))


@attrs.frozen(kw_only=True)
class WorkflowConfig:
    """How a fleet is trained; the optimizer and the schedule are separate objects.

    Attributes:
        max_epochs: maximum number of passes over the training rows.
        batch_size: rows per step and member.
        early_stopping: when to stop earlier; None: never.
        members_per_chunk: number of members that train at once; None: as many as fit into memory.
        row_memory: bytes that the rows may take on the device. A larger data set stays on the host, and each step's
            rows are sent to the device; the results are the same. None: a quarter of the device's memory.
        drop_last: whether each epoch leaves out the rows that do not fill a batch, other ones each time if they are
            shuffled. A member with fewer rows than a batch trains on one smaller batch.
        shuffle: whether to shuffle the rows each epoch; `"blocks"`: shuffle blocks of neighbouring rows, for data
            sets larger than memory.
        checkpoint: when to write checkpoints.
    """

    max_epochs: int = attrs.field(default=50, validator=ge(1))
    batch_size: int = attrs.field(default=32, validator=ge(1))
    early_stopping: EarlyStoppingConfig | None = attrs.field(
        default=None, validator=optional(instance_of(EarlyStoppingConfig))
    )
    members_per_chunk: int | None = attrs.field(default=None, validator=optional(ge(1)))
    row_memory: int | None = attrs.field(default=None, validator=optional(ge(1)))
    drop_last: bool = False
    shuffle: bool | Literal["blocks"] = attrs.field(default=True, validator=in_((True, False, "blocks")))
    checkpoint: CheckpointConfig = attrs.field(factory=CheckpointConfig)

    def rows_per_epoch(self, rows: int) -> int:
        """Return how many of a member's training rows an epoch visits."""
        return rows // self.batch_size * self.batch_size if self.drop_last and rows > self.batch_size else rows

    def steps_per_epoch(self, rows: int) -> int:
        """Return how many steps an epoch over a member's training rows has."""
        return -(-self.rows_per_epoch(rows) // self.batch_size)
