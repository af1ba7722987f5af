"""A run, put together and checked before anything is started."""

import copy
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gmcore.app.composing.backends import ChosenBackend, choose_backend
from gmcore.app.composing.builder import Builder
from gmcore.app.composing.run_config import MetricsTable, RunConfig, read_run_file, run_config
from gmcore.app.composing.search_space import space_problems
from gmcore.builtins.metrics import default_metrics
from gmcore.domain import Cancellation, Fold, Hooks, Rows, Split
from gmcore.errors import ConfigError
from gmcore.nn.optimizers import OPTIMIZERS
from gmcore.nn.schedules import SCHEDULES
from gmcore.ports import (
    CheckpointStore,
    CrossValidator,
    DataProvider,
    MetricComputer,
    Model,
    ModelProvider,
    Optimizer,
    Schedule,
    SupportsSplit,
    TrainingTask,
    TrainingWorkflow,
)
from gmcore.registry import PluginRegistry, Registry, compile_hooks, plugin_registry
from gmcore.storage.row_ingest import rows_of
from gmcore.training import folds_of

__all__ = ["Run", "open_run", "varied"]


@attrs.frozen(kw_only=True, eq=False)
class Run:
    """Everything a command needs, built and checked; nothing has been trained or written.

    Attributes:
        name: what its folder is called.
        config: the run file.
        tables: the same as plain tables, for the record.
        registry: where names were looked up.
        base: the folder that relative paths start from; None for the current one.
        given: objects that stand in for tables, by the tables' names.
        loading: wall seconds of opening the data and dividing its rows by role.
    """

    name: str
    config: RunConfig
    tables: Mapping[str, Any]
    registry: PluginRegistry
    data: DataProvider
    rows: Rows
    split: Split
    model_provider: ModelProvider
    model: Model
    validator: CrossValidator | SupportsSplit
    metrics: tuple[MetricComputer, ...]
    optimizer: Optimizer
    schedule: Schedule
    workflow: TrainingWorkflow
    chosen: ChosenBackend
    hooks: Hooks
    base: Path | None = None
    given: Mapping[str, Any] = attrs.field(factory=dict)
    loading: float = 0.0

    def task(
        self, hooks: Hooks, cancellation: Cancellation, checkpoints: CheckpointStore | None = None
    ) -> TrainingTask:
        """Return what the workflow is given."""
        return TrainingTask(
            model=self.model,
            rows=self.rows,
            backend=self.chosen.backend,
            optimizer=self.optimizer,
            schedule=self.schedule,
            config=self.config.training.config,
            metrics=self.metrics,
            hooks=hooks,
            cancellation=cancellation,
            checkpoints=checkpoints,
        )

    def folds(self) -> list[Fold]:
        """Return the folds of all rows but the test rows, which nothing sees before the end.

        Raises:
            DataError: if the rows can't be split so.
        """
        if not len(self.split.test):
            return folds_of(self.validator, self.rows)
        seen = np.sort(np.concatenate([self.split.train, self.split.validation]))
        return [
            attrs.evolve(fold, train=seen[fold.train], validation=seen[fold.validation])
            for fold in folds_of(self.validator, self.rows.view(seen))
        ]


def open_run(
    source: Path | Mapping[str, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    components: Mapping[str, Any] | None = None,
) -> Run:
    """Put a run together, as far as can be done without training.

    Args:
        source: a run file, or its tables.
        settings: top-level entries that take the place of the source's.
        components: objects that stand in for what a table would name: `data`, `model`,
            `validation`, `backend`.

    Raises:
        InputError: for what is wrong: with the configuration everything at once, else the first thing.
    """
    given = dict(components or {})
    path = source if isinstance(source, Path) else None
    tables = dict(read_run_file(source) if isinstance(source, Path) else source) | dict(settings or {})
    tables |= {name: {"use": type(component).__name__} for name, component in given.items()}
    problems: list[str] = []
    config = _config(tables, problems)
    if config.search is not None:
        problems += space_problems(config.search)
    registry = plugin_registry(config.dtype)
    base = path.parent if path else None
    builder = Builder(registry=registry, seed=config.seed, base=base, problems=problems)
    parts = _components(builder, config, given)
    builder.finish(str(path) if path else "")
    begun = time.perf_counter()
    rows, split = rows_of(parts["data"])
    loading = time.perf_counter() - begun
    model = parts["model_provider"].create(rows.schema)
    metrics = parts.pop("metrics")
    if not metrics:
        names = default_metrics(rows.schema)
        config = attrs.evolve(config, metrics=MetricsTable(use=tuple({"use": name} for name in names)))
        metrics = [registry.metric_computers.create(name) for name in names]
    for metric in metrics:
        metric.check(rows.schema)
    return Run(
        name=_name(path), config=config, tables=tables, registry=registry, rows=rows, split=split, model=model,
        metrics=tuple(metrics), base=base, given=given, loading=loading, **parts,
    )  # fmt: skip


def varied(run: Run, tables: Mapping[str, Any]) -> Run:
    """Return a run that trains as other tables say, on the same rows and device and with the same metrics.

    Args:
        run: the run to vary; it stays as it is.
        tables: a whole run file's, which differ from the run's in `seed`, `model` and `training` alone.

    Raises:
        ConfigError: every problem of those tables at once.
    """
    problems: list[str] = []
    config = attrs.evolve(_config(tables, problems), metrics=run.config.metrics)
    if config.training.precision != run.config.training.precision:
        problems.append("training.precision: is the same for all, since they share the backend")
    builder = Builder(registry=run.registry, seed=config.seed, base=run.base, problems=problems)
    parts = _trained_parts(builder, config, run.given)
    provider = parts["model_provider"]
    model = provider and builder.attempt(lambda: provider.create(run.rows.schema), "model")
    builder.finish("")
    assert model is not None  # noqa: S101 - finish raises otherwise
    return attrs.evolve(run, config=config, tables=tables, model=model, **parts)


def _components(builder: Builder, config: RunConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    registry = builder.registry

    def backend() -> ChosenBackend:
        if "backend" not in given:
            return choose_backend(registry, config.backend, precision=config.training.precision)
        backend = given["backend"]
        if config.training.precision not in (None, backend.compute):
            raise ConfigError(
                [f"training.precision: the backend that was given multiplies matrices in {backend.compute}"]
            )
        return ChosenBackend(backend, f"{backend.name} on {backend.device}, as given")

    # pluggy tells the last one first.
    listeners = [(table.get("use"), _options(table)) for table in reversed(config.hooks.use)]
    return {
        "data": _given_or_named(builder, given, "data", registry.data_providers, config.data),
        **_trained_parts(builder, config, given),
        "metrics": [
            builder.component(registry.metric_computers, table, f"metrics.use[{place}]")
            for place, table in enumerate(config.metrics.use)
        ],
        "hooks": builder.attempt(lambda: compile_hooks(listeners, registry.hooks, base=builder.base), "hooks.use"),
        "chosen": builder.attempt(backend, "backend"),
    }


def _trained_parts(builder: Builder, config: RunConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `seed`, `model` and `training` decide on."""
    registry, training = builder.registry, config.training
    return {
        "model_provider": _given_or_named(builder, given, "model", registry.model_providers, config.model),
        "validator": _given_or_named(builder, given, "validation", registry.cross_validators, config.validation),
        "optimizer": builder.choice(OPTIMIZERS, training.optimizer, "training.optimizer"),
        "schedule": builder.choice(SCHEDULES, training.schedule, "training.schedule"),
        "workflow": builder.component(registry.workflows, {"use": training.workflow}, "training.workflow"),
    }


def _given_or_named(
    builder: Builder, given: Mapping[str, Any], name: str, kind: Registry[Any], table: Mapping[str, Any]
) -> Any:
    return given[name] if name in given else builder.component(kind, table, name)


def _options(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != "use"}


def _config(tables: Mapping[str, Any], problems: list[str]) -> RunConfig:
    """Return the configuration, what is wrong with it noted and left out, so that the rest is checked too."""
    try:
        return run_config(tables)
    except ConfigError as error:
        problems.extend(error.problems)
        pruned = copy.deepcopy(dict(tables))
        pruned.setdefault("data", {"use": "csv"})
        for problem in error.problems:
            _prune(pruned, problem.partition(":")[0].split("."))
        return run_config(pruned)


def _prune(tables: dict[str, Any], path: Sequence[str]) -> None:
    *branches, last = path
    node: Any = tables
    for branch in branches:
        node = node.get(branch) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node.pop(last, None)


def _name(path: Path | None) -> str:
    if path is None:
        return "run"
    return path.resolve().parent.name if path.stem == "run" else path.stem
