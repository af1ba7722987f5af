"""A run: every component that a command needs, built and checked before training starts."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FunctionType

import attrs
import numpy as np

from gmcore.app.composing.backends import ChosenBackend, check_backend, choose_backend
from gmcore.app.composing.builder import Builder, options_of
from gmcore.app.composing.metrics import FunctionMetric, bound_metrics
from gmcore.app.composing.run_config import MetricsTable, RunConfig, read_run_file, valid_config
from gmcore.app.composing.search_space import space_problems
from gmcore.app.composing.trainee import Trainee
from gmcore.app.composing.work import Command, work_of
from gmcore.builtins.metrics import default_metrics
from gmcore.domain import Cancellation, Fold, Hooks, Rows, Split
from gmcore.errors import ConfigError
from gmcore.ports import (
    Backend,
    CheckpointStore,
    DataProvider,
    Engine,
    MetricComputer,
    Model,
    SearchStrategy,
    TrainingTask,
    TrainingWorkflow,
)
from gmcore.registry import PluginRegistry, compile_hooks, plugin_registry
from gmcore.registry.entry import recorded_name
from gmcore.registry.exits import exits_as_errors
from gmcore.storage.row_ingest import rows_of
from gmcore.training import folds_of
from gmcore.training.precision_check import check_weights
from gmcore.training.roles import check_split
from gmcore.training.target_check import check_targets

__all__ = ["Run", "open_run", "varied"]


@attrs.frozen(kw_only=True, eq=False)
class Run:
    """All components of a run, built and checked; nothing has been trained or written.

    Attributes:
        name: first part of the run folder's name.
        config: the checked run file.
        tables: the tables of the run file, for the record; in code some components may be objects.
        registry: registries in which names were looked up.
        data: the source of the rows.
        rows: all rows.
        split: indices of the rows to train on, to stop on and to test on, without cross-validation.
        trainee: the components that a search varies.
        model: the model to train.
        metrics: the metrics, bound to the schema of the rows.
        chosen: the backend, and why it was chosen.
        hooks: the listeners of the run file's hook plugins.
        engine: where the models of a cross-validation or a search are trained.
        strategy: where the trials of a search come from; None without a search.
        base: folder that relative paths start from; None for the current folder.
        loading: wall-clock seconds of opening the data and splitting its rows.
    """

    name: str
    config: RunConfig
    tables: Mapping[str, object]
    registry: PluginRegistry
    data: DataProvider
    rows: Rows
    split: Split
    trainee: Trainee
    model: Model
    metrics: tuple[MetricComputer, ...]
    chosen: ChosenBackend
    hooks: Hooks
    engine: Engine
    strategy: SearchStrategy | None = None
    base: Path | None = None
    loading: float = 0.0

    @property
    def workflow(self) -> TrainingWorkflow:
        """The workflow that trains and scores the fleet."""
        return self.trainee.workflow

    def task(
        self, hooks: Hooks, cancellation: Cancellation, checkpoints: CheckpointStore | None = None
    ) -> TrainingTask:
        """Return the task for the workflow."""
        return TrainingTask(
            model=self.model,
            rows=self.rows,
            backend=self.chosen.backend,
            optimizer=self.trainee.optimizer,
            schedule=self.trainee.schedule,
            schedules=self.trainee.schedules,
            gradients=self.trainee.gradients,
            config=self.config.training.config,
            metrics=self.metrics,
            hooks=hooks,
            cancellation=cancellation,
            checkpoints=checkpoints,
        )

    def folds(self) -> list[Fold]:
        """Return the folds of all rows except the test rows.

        Raises:
            DataError: if the rows can't be split by the cross-validator.
        """
        if not len(self.split.test):
            return folds_of(self.trainee.validator, self.rows)
        within = np.sort(np.concatenate([self.split.train, self.split.validation]))
        return folds_of(self.trainee.validator, self.rows, within)


@exits_as_errors()
def open_run(
    source: Path | Mapping[str, object],
    *,
    command: Command = "train",
    settings: Mapping[str, object] | None = None,
    hooks: Sequence[object] = (),
) -> Run:
    """Build a run's components and read its data; nothing is trained.

    Args:
        source: a run file, or its tables; in code, components may be objects in place of tables.
        command: what the run is opened for, on which the choice of a backend by `"auto"` depends.
        settings: top-level entries that replace those of the source.
        hooks: additional hook plugins: names, tables, objects, or functions with the name of a hook.

    Raises:
        InputError: with all problems of the configuration, or else the first other problem.
        TrainingError: if a component exits, such as by `sys.exit`.
    """
    path = source if isinstance(source, Path) else None
    tables = {**(read_run_file(source) if isinstance(source, Path) else source), **(settings or {})}
    config, builder = _checked(tables, base=path.parent if path else None)
    data = builder.component(builder.registry.data_providers, config.data, "data")
    trainee = Trainee.built(builder, config)
    metrics = _metrics(builder, config.metrics.use)
    listeners = builder.attempt(lambda: _hooks(builder, [*config.hooks.use, *hooks]), "hooks.use")
    chosen = builder.attempt(lambda: _named_backend(builder.registry, config), "backend")
    engine = builder.component(builder.registry.engines, config.engine, "engine")
    strategy = _strategy(builder, config)
    builder.finish(str(path) if path else "")
    rows, split, loading = _loaded(data)
    check_weights(rows, config.dtype)
    if not metrics:
        config, metrics = _with_default_metrics(config, rows, builder.registry)
    model = trainee.model_provider.create(rows.schema)
    check_targets(model, rows)
    bound = bound_metrics(metrics, rows, builder.registry.metric_computers)
    trainee.check(config, model, bound, rows, train=_most_rows(split, command))
    if chosen is None:
        work = work_of(command, config, model, rows, trainee.validator)
        chosen = choose_backend(builder.registry, {"use": "auto"}, precision=config.training.precision, work=work)
    return Run(
        name=_name(path),
        config=config,
        tables=tables,
        registry=builder.registry,
        data=data,
        rows=rows,
        split=split,
        trainee=trainee,
        model=model,
        metrics=bound,
        chosen=chosen,
        hooks=listeners,
        engine=engine,
        strategy=strategy,
        base=builder.base,
        loading=loading,
    )


def varied(run: Run, tables: Mapping[str, object]) -> Run:
    """Return a run with other tables, and the same rows, backend and metrics.

    Args:
        run: the run to vary; it is not changed.
        tables: the tables of a whole run file, which differ from the run's only in `seed`, `model` and `training`.

    Raises:
        ConfigError: with all problems of the tables.
    """
    problems: list[str] = []
    config = attrs.evolve(valid_config(tables, problems), metrics=run.config.metrics)
    if config.training.precision != run.config.training.precision:
        problems.append("training.precision: must be the same for all trials, since they share the backend")
    builder = Builder(registry=run.registry, seed=config.seed, base=run.base, problems=problems)
    trainee = Trainee.built(builder, config)
    provider = trainee.model_provider
    model = builder.attempt(lambda: provider.create(run.rows.schema), "model") if provider else None
    builder.finish("")
    assert model is not None  # noqa: S101 - finish raises otherwise
    check_targets(model, run.rows)
    trainee.check(config, model, run.metrics, run.rows, train=_most_rows(run.split, "search"))
    return attrs.evolve(run, config=config, tables=tables, model=model, trainee=trainee)


def _checked(tables: Mapping[str, object], *, base: Path | None) -> tuple[RunConfig, Builder]:
    """Return the checked configuration, and a builder that has its problems."""
    problems: list[str] = []
    config = valid_config(tables, problems)
    if config.search is not None:
        problems += space_problems(config.search)
    return config, Builder(registry=plugin_registry(config.dtype), seed=config.seed, base=base, problems=problems)


def _metrics(builder: Builder, given: Sequence[object]) -> list[MetricComputer]:
    registry = builder.registry.metric_computers
    return [
        FunctionMetric(function=one)
        if isinstance(one, FunctionType)
        else builder.component(registry, one, f"metrics.use[{place}]")
        for place, one in enumerate(given)
    ]


def _strategy(builder: Builder, config: RunConfig) -> SearchStrategy | None:
    if config.search is None:
        return None
    return builder.component(builder.registry.search_strategies, config.search.strategy, "search.strategy")


def _loaded(data: DataProvider) -> tuple[Rows, Split, float]:
    """Return the rows, their split, and the wall-clock seconds of loading them."""
    start = time.perf_counter()
    rows, split = rows_of(data)
    check_split(split, rows, type(data).__name__)
    return rows, split, time.perf_counter() - start


def _most_rows(split: Split, command: Command) -> int:
    """Return the most rows that a model is trained on; folds are made of training and validation rows."""
    return len(split.train) + (0 if command == "train" else len(split.validation))


def _with_default_metrics(
    config: RunConfig, rows: Rows, registry: PluginRegistry
) -> tuple[RunConfig, list[MetricComputer]]:
    names = default_metrics(rows.schema)
    config = attrs.evolve(config, metrics=MetricsTable(use=tuple({"use": name} for name in names)))
    return config, [registry.metric_computers.create(name) for name in names]


def _hooks(builder: Builder, given: Sequence[object]) -> Hooks:
    # pluggy calls the plugin that was registered last first, so the list is reversed.
    plugins = [(one.get("use"), options_of(one)) if isinstance(one, Mapping) else one for one in reversed(given)]
    return compile_hooks(plugins, builder.registry.hooks, base=builder.base)


def _named_backend(registry: PluginRegistry, config: RunConfig) -> ChosenBackend | None:
    """Return the backend that the run names; None for `"auto"`, whose choice needs the size of the run."""
    given, precision = config.backend, config.training.precision
    if isinstance(given, Mapping):
        if given.get("use") == "auto":
            check_backend(registry, given, precision=precision)
            return None
        return choose_backend(registry, given, precision=precision)
    if not isinstance(given, Backend):
        raise ConfigError([f"backend: must be a backend's name, a table with 'use', or a backend, got {given!r:.60}"])
    if given.dtype != config.dtype:
        raise ConfigError([f"backend: must have the run's dtype, {config.dtype}, got {given.dtype}"])
    if precision not in (None, given.compute):
        raise ConfigError([f"training.precision: the given backend multiplies matrices in {given.compute}"])
    name = recorded_name(type(given), registry)
    return ChosenBackend(given, f"{given.name} on {given.device}, as given", name)


def _name(path: Path | None) -> str:
    if path is None:
        return "run"
    return path.resolve().parent.name if path.stem == "run" else path.stem
