"""The plan of a search: its trials, each with a checked run, grouped by compiled program."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

import attrs

from gmcore.app.composing.metrics import directions
from gmcore.app.composing.run import Run, varied
from gmcore.app.composing.run_config import copied, spelt_out
from gmcore.app.composing.search_space import SearchTable, combinations
from gmcore.app.records.component_table import component_table
from gmcore.domain import Fold
from gmcore.domain.sizes import size_text
from gmcore.errors import ConfigError, did_you_mean
from gmcore.ports import SupportsSettings
from gmcore.training.memory import process_memory
from gmcore.training.trials import Trial

__all__ = ["Candidate", "Plan", "members_of", "plan_of"]

_OPTIMIZER = "training.optimizer."
_MODEL = "model."
_SHARE_OF_MEMORY = 0.5


@attrs.frozen(kw_only=True, eq=False)
class Candidate:
    """A trial, and the run with its settings."""

    trial: Trial
    run: Run


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """The plan of a search.

    Attributes:
        candidates: all trials, in order.
        groups: the trials grouped by shapes and programs; each group is trained as one fleet.
        metric: name of the score that ranks trials.
        higher_is_better: whether higher scores are better.
    """

    candidates: tuple[Candidate, ...]
    groups: tuple[tuple[Candidate, ...], ...]
    metric: str
    higher_is_better: bool

    @property
    def members(self) -> int:
        """Number of models to train, without the winner."""
        return sum(map(members_of, self.groups))


def members_of(group: Sequence[Candidate]) -> int:
    """Return the number of models in the fleet of a group."""
    return sum(len(one.trial.folds) for one in group)


def plan_of(run: Run) -> Plan:
    """Return the plan of a search, with every candidate checked.

    Raises:
        ConfigError: with all problems of `[search]` and its candidates.
        DataError: if the rows can't be split by the cross-validator.
    """
    table = run.config.search
    if table is None:
        raise ConfigError(["search: is required: list the values to try in [search.space]"])
    problems: list[str] = []
    runs = _runs(run, table, problems)
    metric, higher = _ranking(run, table, problems)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    folds: dict[int, list[Fold]] = {}
    candidates, groups = [], dict[str, list[Candidate]]()
    for index, (settings, one) in enumerate(runs):
        seed = one.config.seed
        if seed not in folds:
            folds[seed] = one.folds()
            if len(folds) == 1:
                _check_memory(folds[seed], len({run.config.seed for _, run in runs}))
        numbers = _numbers(settings, one)
        trial = Trial(index=index, settings=settings, numbers=numbers, seed=seed, folds=folds[seed])
        candidates.append(Candidate(trial=trial, run=one))
        groups.setdefault(_program(settings, one, numbers), []).append(candidates[-1])
    return Plan(
        candidates=tuple(candidates),
        groups=tuple(map(tuple, groups.values())),
        metric=metric,
        higher_is_better=higher,
    )


def _check_memory(folds: Sequence[Fold], seeds: int) -> None:
    """Raise if the folds of all seeds, each of which has its own, do not fit the memory."""
    size = seeds * sum(fold.train.nbytes + fold.validation.nbytes for fold in folds)
    total = process_memory().total
    if size > _SHARE_OF_MEMORY * total:
        sizes = f"{size_text(size)} of {size_text(total)}"
        raise ConfigError([f"search.space.seed: the folds of {seeds:,} seeds take {sizes}: search fewer seeds"])


def _runs(run: Run, table: SearchTable, problems: list[str]) -> list[tuple[dict[str, object], Run]]:
    """Return the settings and the run of each candidate; add the problems of all candidates."""
    problems += _unsearchable(run, table)
    if problems:
        return []
    tables = spelt_out(run.tables)
    runs = []
    for settings in combinations(table, run.config.seed):
        try:
            runs.append((settings, varied(run, _with_settings(tables, settings))))
        except ConfigError as error:
            problems += [f"search.space.{problem}" for problem in error.problems]
    return runs


def _unsearchable(run: Run, table: SearchTable) -> list[str]:
    """Return the problems of paths that can't be searched in this run, but could be in others."""
    problems = []
    paths = list(next(combinations(table, run.config.seed)))
    if not isinstance(run.config.model, Mapping) and any(path.partition(".")[0] == "model" for path in paths):
        problems.append(
            "search.space.model: the options of a model object can't be searched: give the model as a table"
        )
    kind, data = type(run.data), run.config.data
    has_seed = attrs.has(kind) and "seed" in attrs.fields_dict(kind)
    if "seed" in paths and has_seed and isinstance(data, Mapping) and "seed" not in data:
        problems.append("search.space.seed: the data depends on the run's seed, but must not vary: set data.seed")
    return problems


def _with_settings(tables: Mapping[str, object], settings: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of a run file's tables with settings, by dotted path.

    Raises:
        ConfigError: if a path contains an entry that is not a table.
    """
    training = cast("Mapping[str, object]", tables.get("training", {}))
    defaults = {
        "optimizer": {"use": "adamw"},
        "schedule": {"use": "constant"},
        "gradients": {"use": "backpropagation"},
    }
    full = copied({"model": {"use": "mlp"}, **tables, "training": {**defaults, **training}})
    full.pop("search", None)
    for path, value in settings.items():
        *branches, last = path.split(".")
        node = full
        for branch in branches:
            child = node.setdefault(branch, {})
            # A component can be given by its name only.
            node[branch] = child = {"use": child} if isinstance(child, str) else child
            if not isinstance(child, dict):
                raise ConfigError([f"{path}: '{branch}' is not a table, so its options can't be set"])
            node = child
        node[last] = copied({"": value})[""]
    return full


def _ranking(run: Run, table: SearchTable, problems: list[str]) -> tuple[str, bool]:
    """Return the name of the score that ranks trials, and whether higher scores are better."""
    known: dict[str, bool | None] = {}
    for metric in run.metrics:
        known |= directions(metric, run.rows)
    known["loss"] = False
    name = table.metric or next(iter(known))
    if name not in known:
        problems.append(f"search.metric: the run has no metric '{name}'{did_you_mean(name, known)}")
        return name, False
    higher = known[name] if table.better is None else table.better == "higher"
    if higher is None:
        problems.append(f'search.better: the metric \'{name}\' does not state which is better: set "higher" or "lower"')
    return name, bool(higher)


def _numbers(settings: Mapping[str, object], run: Run) -> dict[str, float]:
    """Return the settings in which members of one fleet can differ, by their names in `Member.settings`."""
    of_optimizer = run.trainee.optimizer.settings
    of_model = run.model.settings if isinstance(run.model, SupportsSettings) else {}
    numbers = {}
    for path in settings:
        for prefix, values, others in ((_OPTIMIZER, of_optimizer, of_model), (_MODEL, of_model, of_optimizer)):
            name = path.removeprefix(prefix)
            if path.startswith(prefix) and name in values and name not in others:
                numbers[name] = values[name]
    return numbers


def _program(settings: Mapping[str, object], run: Run, numbers: Mapping[str, float]) -> str:
    """Return a key of the compiled program: trials with equal keys can be members of one fleet."""
    varying = {f"{prefix}{name}" for prefix in (_OPTIMIZER, _MODEL) for name in numbers}
    shared = {path: value for path, value in settings.items() if path not in varying and path != "seed"}
    # The components are part of the key, since any of them may have taken the run's seed as an option.
    trainee = run.trainee
    components = [
        _without(component_table(component, run.registry), numbers, "")
        for component in (
            trainee.model_provider,
            trainee.optimizer,
            trainee.schedule,
            trainee.gradients,
            trainee.workflow,
        )
    ]
    # Objects among the values share a program with themselves alone: two may be written the same and differ.
    return json.dumps(
        [sorted(numbers), shared, components], sort_keys=True, default=lambda value: f"object {id(value)}"
    )


def _without(table: Mapping[str, object], numbers: Mapping[str, float], prefix: str) -> dict[str, object]:
    """Return a component's table without the options in `numbers`, named by dotted path."""
    return {
        name: _without(value, numbers, f"{prefix}{name}.") if isinstance(value, Mapping) else value
        for name, value in table.items()
        if f"{prefix}{name}" not in numbers
    }
