"""What a run asks of the core: frozen settings, each checked at its field."""

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
        batch_size: rows a batch.
        shuffle: whether each epoch draws the rows in another order.
        drop_last: whether an incomplete last batch is left out; else it is padded with weight 0.
        seed: where the order starts.
    """

    batch_size: int = attrs.field(default=32, validator=ge(1))
    shuffle: bool = True
    drop_last: bool = False
    seed: int = attrs.field(default=0, validator=ge(0))


@attrs.frozen(kw_only=True)
class SplitConfig:
    """How rows are held out.

    Attributes:
        fraction: the share that is held out, below 1; `ceil(fraction * rows)` rows, as in
            scikit-learn; 0 for none.
        strategy: `"random"`; `"chronological"`: the latest rows; `"stratified"`: each class in
            proportion; `"auto"`: chronological where the schema has a time column, else stratified
            for classes and random for numbers. Rows of one group are never divided.
        seed: where a random choice starts.
    """

    fraction: float = attrs.field(default=0.2, validator=[ge(0.0), lt(1.0)])
    strategy: Literal["auto", "random", "chronological", "stratified"] = attrs.field(
        default="auto", validator=in_(("auto", *_STRATEGIES))
    )
    seed: int = attrs.field(default=0, validator=ge(0))


@attrs.frozen(kw_only=True)
class EarlyStoppingConfig:
    """When a member has learnt enough.

    Attributes:
        patience: epochs without improvement after which it stops.
        min_delta: how much lower a loss must be to count as an improvement.
        fraction: in cross-validation, the share of a fold's training rows that is watched
            instead of trained on; held-out rows are never watched.
        restore_best: whether the result has the weights of the best epoch, or of the last.
    """

    patience: int = attrs.field(default=10, validator=ge(1))
    min_delta: float = attrs.field(default=0.0, validator=ge(0.0))
    fraction: float = attrs.field(default=0.1, validator=_FRACTION)
    restore_best: bool = True


@attrs.frozen(kw_only=True)
class CheckpointConfig:
    """When training writes down what it could go on from; it always does when it is stopped.

    Attributes:
        seconds: wall time after which the next chance is taken; `inf`: never for that reason.
        every_epochs: epochs after which it is written.
        every_steps: steps within an epoch after which it is written.
        keep: how many of the latest are kept; each has the best weights so far too.
        on_error: what it means that one can't be written, such as when the disk is full. `"stop"`: the
            run fails, and can be resumed from the ones before; `"continue"`: it goes on without and says so.
    """

    seconds: float = attrs.field(default=60.0, validator=ge(0.0))
    every_epochs: int | None = attrs.field(default=None, validator=optional(ge(1)))
    every_steps: int | None = attrs.field(default=None, validator=optional(ge(1)))
    keep: int = attrs.field(default=2, validator=ge(1))
    on_error: Literal["stop", "continue"] = attrs.field(default="stop", validator=in_(("stop", "continue")))


@attrs.frozen(kw_only=True)
class SequenceConfig:
    """How a data set becomes an ordered list of smaller ones.

    Attributes:
        max_length: rows in one of them, at most.
        count: how many, at most; None for as many as there are.
        strategy: `"consecutive"`: one run after the other; `"random"`: runs that start anywhere;
            `"curriculum"`: from easy to hard, growing.
        difficulty: for a curriculum, the numeric column that says how hard a row is.
        seed: where a random choice starts.
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
    """How a fleet is trained; the optimizer and schedule are objects of their own.

    Attributes:
        max_epochs: passes over the training rows, at most.
        batch_size: rows a step and member.
        early_stopping: when to stop before that; None: never.
        members_per_chunk: how many members train at once; None: as many as fit.
        row_memory: bytes that the rows may take on the device; a set that takes more stays on the host, and
            each step's rows are sent as it goes, with the same numbers. None: a quarter of the device's memory.
        shuffle: whether each epoch draws the rows in another order; `"blocks"`: in one that keeps rows near their
            neighbours, for sets that do not fit into memory.
        checkpoint: when to write down what training could go on from.
    """

    max_epochs: int = attrs.field(default=50, validator=ge(1))
    batch_size: int = attrs.field(default=32, validator=ge(1))
    early_stopping: EarlyStoppingConfig | None = attrs.field(
        default=None, validator=optional(instance_of(EarlyStoppingConfig))
    )
    members_per_chunk: int | None = attrs.field(default=None, validator=optional(ge(1)))
    row_memory: int | None = attrs.field(default=None, validator=optional(ge(1)))
    shuffle: bool | Literal["blocks"] = attrs.field(default=True, validator=in_((True, False, "blocks")))
    checkpoint: CheckpointConfig = attrs.field(factory=CheckpointConfig)
