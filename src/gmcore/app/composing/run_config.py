"""A run file, read and checked: what each table may say."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs.validators import ge, in_, instance_of, optional

from gmcore.app.composing.search_space import SearchTable
from gmcore.domain import CheckpointConfig, EarlyStoppingConfig, WorkflowConfig
from gmcore.domain.sizes import bytes_of
from gmcore.errors import ConfigError
from gmcore.registry import structure

__all__ = ["MetricsTable", "RunConfig", "TrainingTable", "read_run_file", "run_config", "spelt_out"]

Table = Mapping[str, object]


def _check_size(_: Any, __: "attrs.Attribute[int | str | None]", value: int | str | None) -> None:
    if value is not None:
        bytes_of(value)


@attrs.frozen(kw_only=True)
class TrainingTable:
    """The `[training]` table.

    Attributes:
        max_epochs: passes over the training rows, at most.
        batch_size: rows a step and model.
        optimizer: `{ name = "adamw", learning_rate = 1e-3, … }`.
        schedule: `{ name = "cosine", warmup = 0.1, … }`; a constant learning rate without.
        early_stopping: `{ patience = 10, min_delta = 0.0, fraction = 0.1, restore_best = true }`; never without.
        members_per_chunk: how many models of a fleet train at once; None, in a file `"auto"`: as many as fit.
        row_memory: bytes, or a text such as `"200 MB"`, that rows may take on the device; a set that takes more stays
            on the host and each step's rows are sent as it goes, with the same numbers. None: a quarter of its memory.
        shuffle: whether each epoch draws the rows in another order; `"blocks"`: in one that keeps rows near their
            neighbours, for sets that are larger than memory.
        precision: what matrices are multiplied in, `"bfloat16"` or `"float16"`, with weights in the run's `dtype`;
            None: the `dtype` itself.
        checkpoint: `{ seconds = 60.0, every_epochs = …, every_steps = …, keep = 2 }`.
        workflow: which workflow trains.
    """

    max_epochs: int = attrs.field(default=50, validator=ge(1))
    batch_size: int = attrs.field(default=32, validator=ge(1))
    optimizer: Table = attrs.field(factory=lambda: {"name": "adamw"})
    schedule: Table = attrs.field(factory=lambda: {"name": "constant"})
    early_stopping: EarlyStoppingConfig | None = attrs.field(
        default=None, validator=optional(instance_of(EarlyStoppingConfig))
    )
    members_per_chunk: int | None = attrs.field(default=None, validator=optional(ge(1)))
    row_memory: int | str | None = attrs.field(default=None, validator=_check_size)
    shuffle: bool | Literal["blocks"] = True
    precision: Literal["float32", "bfloat16", "float16"] | None = attrs.field(
        default=None, validator=in_((None, "float32", "bfloat16", "float16"))
    )
    checkpoint: CheckpointConfig = attrs.field(factory=CheckpointConfig)
    workflow: str = "gradient_descent"

    @property
    def config(self) -> WorkflowConfig:
        """What the workflow is told of this."""
        return WorkflowConfig(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            early_stopping=self.early_stopping,
            members_per_chunk=self.members_per_chunk,
            row_memory=None if self.row_memory is None else bytes_of(self.row_memory),
            shuffle=self.shuffle,
            checkpoint=self.checkpoint,
        )


@attrs.frozen(kw_only=True)
class MetricsTable:
    """The `[metrics]` table: names, or tables with a name under `use`; what suits the target where it is empty."""

    use: tuple[Table, ...] = ()


@attrs.frozen(kw_only=True)
class HooksTable:
    """The `[hooks]` table: the hook plugins a run wants, by name."""

    use: tuple[Table, ...] = ()


@attrs.frozen(kw_only=True)
class RunConfig:
    """A run file.

    Attributes:
        seed: where all randomness of the run starts.
        dtype: what numbers are computed in.
        backend: a table with `use`, `"auto"` for the fastest that is installed and can run here.
        data: a table with `use`: where rows come from.
        model: a table with `use`: what is trained.
        training: how.
        validation: a table with `use`: how rows become folds.
        metrics: what is computed when rows are scored.
        hooks: who else is told.
        search: what `gmcore search` tries; the other commands leave it alone.
    """

    seed: int = attrs.field(default=0, validator=ge(0))
    dtype: Literal["float32", "float64"] = attrs.field(default="float32", validator=in_(("float32", "float64")))
    backend: Table = attrs.field(factory=lambda: {"use": "auto"})
    data: Table
    model: Table = attrs.field(factory=lambda: {"use": "mlp"})
    training: TrainingTable = attrs.field(factory=TrainingTable)
    validation: Table = attrs.field(factory=lambda: {"use": "kfold"})
    metrics: MetricsTable = attrs.field(factory=MetricsTable)
    hooks: HooksTable = attrs.field(factory=HooksTable)
    search: SearchTable | None = None


def read_run_file(path: Path) -> dict[str, Any]:
    """Return a run file's tables, unchecked.

    Raises:
        ConfigError: if it is absent or not TOML, with the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot read the run file: {error.strerror or error}"], source=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"not valid TOML: {error}"], source=str(path)) from error


def run_config(tables: Mapping[str, Any]) -> RunConfig:
    """Return the checked configuration; the components' own options are checked when they are built.

    Raises:
        ConfigError: every problem at once.
    """
    return structure(spelt_out(tables), RunConfig)


def spelt_out(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables without shorthands: `backend = "cpu"`, `use = ["accuracy"]` and `members_per_chunk = "auto"`."""
    full = dict(tables)
    for name in ("backend", "data", "model", "validation"):
        if isinstance(full.get(name), str):
            full[name] = {"use": full[name]}
    for name in ("metrics", "hooks"):
        full[name] = _named(full[name]) if name in full else {}
    training = full.get("training")
    if isinstance(training, Mapping):
        auto = training.get("members_per_chunk") == "auto"
        kept = {key: value for key, value in training.items() if not (auto and key == "members_per_chunk")}
        for key in ("optimizer", "schedule"):
            if isinstance(kept.get(key), str):
                kept[key] = {"name": kept[key]}
        full["training"] = kept
    return full


def _named(table: Any) -> Any:
    table = {"use": table} if isinstance(table, (list, tuple)) else table
    if not isinstance(table, Mapping) or not isinstance(table.get("use"), (list, tuple)):
        return table
    return {**table, "use": [{"use": one} if isinstance(one, str) else one for one in table["use"]]}
