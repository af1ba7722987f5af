"""The configuration classes of a run file, and the functions that read and check one."""

import contextlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import attrs
from attrs.validators import ge, in_, instance_of, optional

from gmcore.app.composing.search_space import SearchTable
from gmcore.domain import AverageConfig, CheckpointConfig, EarlyStoppingConfig, WorkflowConfig
from gmcore.domain.config import POSITIVE, begins_in_training
from gmcore.domain.sizes import bytes_of
from gmcore.errors import ConfigError, InputError
from gmcore.registry import structure
from gmcore.storage.files import printable, reason
from gmcore.storage.regular_file import read_text

__all__ = [
    "MetricsTable",
    "RunConfig",
    "TrainingTable",
    "copied",
    "read_run_file",
    "run_config",
    "spelt_out",
    "valid_config",
]

_DEEPEST = 64
_LARGEST = 2**63 - 1


def _check_size(_: object, __: "attrs.Attribute[int | str | None]", value: int | str | None) -> None:
    with contextlib.suppress(OverflowError):
        if value is None or bytes_of(value) <= _LARGEST:
            return
    raise ValueError(f"must be less than 2^63 bytes, got {value!r:.60}")


@attrs.frozen(kw_only=True)
class TrainingTable:
    """The `[training]` table.

    Attributes:
        max_epochs: largest number of epochs.
        batch_size: rows per step and model, whatever their weights: a row of weight 2 takes one place.
        optimizer: `{ use = "adamw", learning_rate = 1e-3, … }`.
        schedule: `{ use = "cosine", … }`, or with a warm-up `{ use = "warm_up", fraction = 0.05, then = { … } }`; by
            default the learning rate is constant.
        schedules: schedules of other settings, the optimizer's and the model's, by name:
            `{ dropout = { use = "cosine" }, weight_decay = { use = "cosine" } }`.
        gradients: how the gradient of a batch is computed: `{ use = "backpropagation" }`, or in parts to save memory,
            `{ use = "accumulation", parts = 4 }`.
        early_stopping: `{ patience = 10, min_delta = 0.0, fraction = 0.1, restore_best = true, metric = "roc_auc",
            mode = "auto", alpha = 1.0 }`; None to train for `max_epochs`.
        average: an average of the weights that is evaluated and kept: `{ kind = "ema", decay = 0.999 }` or
            `{ kind = "swa", start_epoch = 30 }`; None for the weights themselves.
        clip_norm: largest norm of a step's gradient.
        clip_value: largest absolute value in a gradient.
        gradient_norms: whether the history has the mean and the largest norm of each epoch's gradients.
        members_per_chunk: number of models of a fleet that train at once; None, in a file `"auto"`, for as many as fit.
        row_memory: largest size of the rows on the device, in bytes or as text such as `"200 MB"`; larger data stays
            on the host and is sent step by step, with the same results. None for a quarter of the device's memory.
        drop_last: whether each epoch leaves out the rows that do not fill a batch.
        shuffle: whether each epoch shuffles the rows; `"blocks"` shuffles within and among blocks of neighbouring
            rows, for data that is larger than memory.
        precision: dtype in which matrices are multiplied, such as `"bfloat16"` or `"float16"`, while weights keep the
            run's `dtype`; None for the `dtype`.
        checkpoint: `{ seconds = 60.0, every_epochs = …, every_steps = …, keep = 2 }`.
        workflow: `{ use = "gradient_descent" }`.
    """

    max_epochs: int = attrs.field(default=50, validator=ge(1))
    batch_size: int = attrs.field(default=32, validator=ge(1))
    optimizer: object = attrs.field(factory=lambda: {"use": "adamw"})
    schedule: object = attrs.field(factory=lambda: {"use": "constant"})
    schedules: Mapping[str, object] = attrs.field(factory=dict)
    gradients: object = attrs.field(factory=lambda: {"use": "backpropagation"})
    early_stopping: EarlyStoppingConfig | None = attrs.field(
        default=None, validator=optional(instance_of(EarlyStoppingConfig))
    )
    average: AverageConfig | None = attrs.field(default=None, validator=begins_in_training)
    clip_norm: float | None = attrs.field(default=None, validator=POSITIVE)
    clip_value: float | None = attrs.field(default=None, validator=POSITIVE)
    gradient_norms: bool = False
    members_per_chunk: int | None = attrs.field(default=None, validator=optional(ge(1)))
    row_memory: int | str | None = attrs.field(default=None, validator=_check_size)
    drop_last: bool = False
    shuffle: bool | Literal["blocks"] = True
    precision: Literal["float32", "bfloat16", "float16"] | None = attrs.field(
        default=None, validator=in_((None, "float32", "bfloat16", "float16"))
    )
    checkpoint: CheckpointConfig = attrs.field(factory=CheckpointConfig)
    workflow: object = attrs.field(factory=lambda: {"use": "gradient_descent"})

    @property
    def config(self) -> WorkflowConfig:
        """The workflow's configuration, from this table."""
        return WorkflowConfig(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            early_stopping=self.early_stopping,
            members_per_chunk=self.members_per_chunk,
            row_memory=None if self.row_memory is None else bytes_of(self.row_memory),
            drop_last=self.drop_last,
            shuffle=self.shuffle,
            checkpoint=self.checkpoint,
            clip_norm=self.clip_norm,
            clip_value=self.clip_value,
            gradient_norms=self.gradient_norms,
            average=self.average,
        )


@attrs.frozen(kw_only=True)
class MetricsTable:
    """The `[metrics]` table: names or tables with `use`; if it is empty, the default metrics of the target."""

    use: tuple[object, ...] = ()


@attrs.frozen(kw_only=True)
class HooksTable:
    """The `[hooks]` table: the hook plugins of a run, names or tables with `use`."""

    use: tuple[object, ...] = ()


@attrs.frozen(kw_only=True)
class RunConfig:
    """A run file.

    A component is a table with its name under `use` and its options; in code it can also be an object.

    Attributes:
        seed: seed of all randomness in the run.
        dtype: the floating-point dtype.
        backend: the array library; `"auto"` for the fastest available one.
        data: the source of rows.
        model: the model to train.
        training: the `[training]` table.
        validation: the cross-validator.
        metrics: the metrics that are computed when rows are scored.
        hooks: hook plugins that are called during the run.
        engine: where the models of `gmcore validate` and `gmcore search` are trained; other commands ignore it.
        search: the settings that `gmcore search` tries; other commands ignore it.
    """

    seed: int = attrs.field(default=0, validator=ge(0))
    dtype: Literal["float32", "float64"] = attrs.field(default="float32", validator=in_(("float32", "float64")))
    backend: object = attrs.field(factory=lambda: {"use": "auto"})
    data: object
    model: object = attrs.field(factory=lambda: {"use": "mlp"})
    training: TrainingTable = attrs.field(factory=TrainingTable)
    validation: object = attrs.field(factory=lambda: {"use": "kfold"})
    metrics: MetricsTable = attrs.field(factory=MetricsTable)
    hooks: HooksTable = attrs.field(factory=HooksTable)
    engine: object = attrs.field(factory=lambda: {"use": "local"})
    search: SearchTable | None = None


def read_run_file(path: Path) -> dict[str, object]:
    """Return the tables of a run file, unchecked.

    Raises:
        ConfigError: if the file can't be read or is not TOML, and the message has the line; or if it is nested deeply.
    """
    source = printable(path)
    try:
        tables = tomllib.loads(read_text(path))
    except FileNotFoundError as error:
        raise ConfigError([f"cannot read the run file: {reason(error)}"], source=source) from error
    except InputError as error:
        raise ConfigError([str(error)]) from error
    except RecursionError as error:
        raise ConfigError(["nested too deeply"], source=source) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"line {line} is not UTF-8 text: save the file in UTF-8"], source=source) from error
    except ValueError as error:  # of TOML, or of a number with thousands of digits
        raise ConfigError([f"not valid TOML: {error}"], source=source) from error
    if _is_deep(tables):
        raise ConfigError([f"nested too deeply: more than {_DEEPEST} levels"], source=source)
    return tables


def run_config(tables: Mapping[str, object]) -> RunConfig:
    """Return the checked configuration; the options of components are checked when they are built.

    Raises:
        ConfigError: with all problems.
    """
    return structure(spelt_out(tables), RunConfig)


def valid_config(tables: Mapping[str, object], problems: list[str]) -> RunConfig:
    """Return the configuration without invalid entries, whose problems are added, so that the rest can be checked."""
    try:
        return run_config(tables)
    except ConfigError as error:
        problems.extend(error.problems)
        pruned = copied(tables)
        pruned.setdefault("data", {"use": "csv"})
        for problem in error.problems:
            _prune(pruned, problem.partition(":")[0].split("."))
        try:
            return run_config(pruned)
        except ConfigError as again:  # an invalid key may be one that is required
            raise ConfigError(problems) from again


def spelt_out(tables: Mapping[str, object]) -> dict[str, object]:
    """Return tables after expanding shorthands: `model = "mlp"`, `use = ["f1"]` and `members_per_chunk = "auto"`."""
    full = dict(tables)
    for name in ("backend", "data", "model", "validation", "engine"):
        if name in full:
            full[name] = _named(full[name])
    for name in ("metrics", "hooks"):
        full[name] = _listed(full[name]) if name in full else {}
    training = full.get("training")
    if isinstance(training, Mapping):
        auto = training.get("members_per_chunk") == "auto"
        kept = {key: value for key, value in training.items() if not (auto and key == "members_per_chunk")}
        for key in ("optimizer", "schedule", "gradients", "workflow"):
            if key in kept:
                kept[key] = _named(kept[key])
        if isinstance(kept.get("schedules"), Mapping):
            kept["schedules"] = {name: _named(one) for name, one in kept["schedules"].items()}
        full["training"] = kept
    search = full.get("search")
    if isinstance(search, Mapping) and "strategy" in search:
        full["search"] = {**search, "strategy": _named(search["strategy"])}
    return full


def _is_deep(tables: object) -> bool:
    """Return whether tables and lists are nested more deeply than any run file needs; without recursion."""
    level = [tables]
    for _ in range(_DEEPEST):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
        ]
        if not level:
            return False
    return True


def copied(tables: Mapping[str, object]) -> dict[str, object]:
    """Return a deep copy of tables and lists; other objects are not copied."""
    return {name: _copied(value) for name, value in tables.items()}


def _copied(value: object) -> object:
    if isinstance(value, dict):
        return copied(value)
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _named(component: object) -> object:
    return {"use": component} if isinstance(component, str) else component


def _listed(table: object) -> object:
    """Return a table whose `use` lists components, given that table or only the list."""
    table = {"use": table} if isinstance(table, list | tuple) else table
    if not isinstance(table, Mapping) or not isinstance(table.get("use"), list | tuple):
        return table
    return {**table, "use": [_named(one) for one in table["use"]]}


def _prune(tables: dict[str, object], path: Sequence[str]) -> None:
    *branches, last = path
    node: object = tables
    for branch in branches:
        node = node.get(branch) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node.pop(last, None)
