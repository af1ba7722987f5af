"""The configuration of a run: frozen settings, each validated at its field."""

import math
from typing import Any, Literal

import attrs
from attrs.validators import and_, ge, gt, in_, instance_of, le, lt, optional

__all__ = [
    "POSITIVE",
    "AverageConfig",
    "BatchConfig",
    "CheckpointConfig",
    "EarlyStoppingConfig",
    "SequenceConfig",
    "SplitConfig",
    "WorkflowConfig",
    "begins_in_training",
]

POSITIVE = optional(and_(gt(0.0), lt(math.inf)))
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

    What is compared is the loss of the rows to stop on, or a metric of them, after each epoch.

    Attributes:
        patience: epochs without improvement after which a member stops.
        min_delta: an improvement is more than this, in units of the loss or of the metric.
        fraction: fraction of the training rows that is monitored instead of trained on; plain training uses its
            validation rows if there are any. Rows that are held out for scoring are never monitored.
        restore_best: whether the result has the weights of the best epoch, or of the last one.
        metric: name of a number of the run's metrics that is compared instead of the loss, such as `"roc_auc"`.
        mode: whether the metric is better the lower, `"min"`, or the higher it is, `"max"`; `"auto"`: as the metric
            says.
        alpha: weight of the newest value in the exponential moving average that is compared, above 0 and at most 1:
            `s = alpha * value + (1 - alpha) * s`, from the first value on. With 1 the values themselves are compared.
    """

    patience: int = attrs.field(default=10, validator=ge(1))
    min_delta: float = attrs.field(default=0.0, validator=and_(ge(0.0), lt(math.inf)))
    fraction: float = attrs.field(default=0.1, validator=_FRACTION)
    restore_best: bool = True
    metric: str | None = attrs.field(default=None, validator=optional(instance_of(str)))
    mode: Literal["auto", "min", "max"] = attrs.field(default="auto", validator=in_(("auto", "min", "max")))
    alpha: float = attrs.field(default=1.0, validator=and_(gt(0.0), le(1.0)))

    @mode.validator
    def _check_mode(self, _: object, mode: str) -> None:
        if mode != "auto" and self.metric is None:
            raise ValueError(f"'mode' says which values of a metric are better: give 'metric' too, got {mode!r} alone")


@attrs.frozen(kw_only=True)
class AverageConfig:
    """An average of a member's weights over steps or epochs, which then stands for the weights.

    Once the average has begun, the rows to stop on are evaluated with it, and it is what early stopping keeps, what is
    scored and what is saved. Training itself goes on from the weights of the last step. Buffers that training changes,
    such as the running statistics of `BatchNorm`, are averaged in the same way.

    Attributes:
        kind: `"ema"`: after each step `average = decay * average + (1 - decay) * weights`, beginning with the weights
            of the first step (Polyak and Juditsky, 1992, in its exponential form); `"swa"`: after each epoch the mean
            of the weights at the ends of the epochs so far (stochastic weight averaging, Izmailov et al., 2018).
        decay: of the exponential moving average, from 0 to below 1; None for 0.999.
        start_epoch: number of the first epoch, from 1, that is averaged; until then the average is the weights.
    """

    kind: Literal["ema", "swa"] = attrs.field(validator=in_(("ema", "swa")))
    decay: float | None = attrs.field(default=None, validator=optional(and_(ge(0.0), lt(1.0))))
    start_epoch: int = attrs.field(default=1, validator=ge(1))

    @decay.validator
    def _check_decay(self, _: object, decay: float | None) -> None:
        if self.kind == "swa" and decay is not None:
            raise ValueError(f'\'decay\' is for kind = "ema"; "swa" weights all epochs equally, got {decay}')


def begins_in_training(config: Any, _: object, average: object) -> None:
    """Check, as an attrs validator beside `max_epochs`, that there is no average or it begins in one of the epochs."""
    if average is None:
        return
    if not isinstance(average, AverageConfig):
        raise TypeError(f"average must be an AverageConfig, got {average!r:.60}")
    if average.start_epoch > config.max_epochs:
        raise ValueError(
            f"average must begin in one of the {config.max_epochs} epochs, got start_epoch = {average.start_epoch}"
        )


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
        clip_norm: largest norm of a step's gradient, over all parameters of a member: a longer one is scaled to it.
        clip_value: largest absolute value in a gradient: what exceeds it is set to it; before `clip_norm`.
        gradient_norms: whether the history has the mean and the largest norm of each epoch's gradients, before they
            are clipped.
        average: an average of the weights that is evaluated and kept in their place; None for none.
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
    clip_norm: float | None = attrs.field(default=None, validator=POSITIVE)
    clip_value: float | None = attrs.field(default=None, validator=POSITIVE)
    gradient_norms: bool = attrs.field(default=False, validator=instance_of(bool))
    average: AverageConfig | None = attrs.field(default=None, validator=begins_in_training)

    def rows_per_epoch(self, rows: int) -> int:
        """Return how many of a member's training rows an epoch visits."""
        return rows // self.batch_size * self.batch_size if self.drop_last and rows > self.batch_size else rows

    def steps_per_epoch(self, rows: int) -> int:
        """Return how many steps an epoch over a member's training rows has."""
        return -(-self.rows_per_epoch(rows) // self.batch_size)
