"""What a search trains: its trials, each a checked run of its own, and the groups that share a program."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from gmcore.app.composing.run import Run, varied
from gmcore.app.composing.run_config import spelt_out
from gmcore.app.composing.search_space import SearchTable, combinations
from gmcore.app.records.provenance import resolved
from gmcore.domain import Fold, Rows
from gmcore.errors import ConfigError, did_you_mean
from gmcore.ports import MetricComputer, SupportsDirection, SupportsSettings
from gmcore.training.trials import Trial

__all__ = ["Candidate", "Plan", "members_of", "plan_of"]

_OPTIMIZER = "training.optimizer."
_MODEL = "model."


@attrs.frozen(kw_only=True, eq=False)
class Candidate:
    """A trial, and the run that has its settings written in."""

    trial: Trial
    run: Run


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """What a search will train.

    Attributes:
        candidates: all trials, in order.
        groups: the same, those together that share shapes and programs: each group is one fleet.
        metric: the name of the score by which they are ranked.
        higher_is_better: whether more of it is.
    """

    candidates: tuple[Candidate, ...]
    groups: tuple[tuple[Candidate, ...], ...]
    metric: str
    higher_is_better: bool

    @property
    def members(self) -> int:
        """How many models are trained, but for the winner."""
        return sum(map(members_of, self.groups))


def members_of(group: Sequence[Candidate]) -> int:
    """Return how many models the fleet of a group has."""
    return sum(len(one.trial.folds) for one in group)


def plan_of(run: Run) -> Plan:
    """Return what a search will train, every candidate checked.

    Raises:
        ConfigError: for all that is wrong with `[search]` and with its candidates at once.
        DataError: if the rows can't be split into folds so.
    """
    table = run.config.search
    if table is None:
        raise ConfigError(["search: is required: say what to try, in a table [search.space]"])
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


def _runs(run: Run, table: SearchTable, problems: list[str]) -> list[tuple[dict[str, Any], Run]]:
    """Return each candidate's settings and run, what is wrong with any of them noted."""
    problems += _misfits(run, table)
    if problems:
        return []
    tables = spelt_out(run.tables)
    found = []
    for settings in combinations(table, run.config.seed):
        try:
            found.append((settings, varied(run, _placed(tables, settings))))
        except ConfigError as error:
            problems += [f"search.space.{problem}" for problem in error.problems]
    return found


def _misfits(run: Run, table: SearchTable) -> list[str]:
    """Return what can't be searched in this run, though it could in another."""
    problems = []
    paths = list(next(combinations(table, run.config.seed)))
    if "model" in run.given and any(path.partition(".")[0] == "model" for path in paths):
        problems.append("search.space.model: the model was given as an object: give a table, whose options can vary")
    kind = type(run.data)
    if "seed" in paths and attrs.has(kind) and "seed" in attrs.fields_dict(kind) and "seed" not in run.config.data:
        problems.append("search.space.seed: the data is drawn by the seed too, and must not vary: write data.seed")
    return problems


def _placed(tables: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run file's tables with settings written in.

    Raises:
        ConfigError: if a path leads through what is no table.
    """
    placed = copy.deepcopy(dict(tables))
    placed.pop("search", None)
    placed.setdefault("model", {"use": "mlp"})
    training = placed.setdefault("training", {})
    training.setdefault("optimizer", {"name": "adamw"})
    training.setdefault("schedule", {"name": "constant"})
    for path, value in settings.items():
        *branches, last = path.split(".")
        node = placed
        for branch in branches:
            node = node.setdefault(branch, {})
            if not isinstance(node, dict):
                raise ConfigError([f"{path}: '{branch}' is no table, so nothing in it can be set"])
        node[last] = copy.deepcopy(value)
    return placed


def _ranking(run: Run, table: SearchTable, problems: list[str]) -> tuple[str, bool]:
    """Return the name of the score that ranks trials, and whether more of it is better."""
    known: dict[str, bool | None] = {}
    for metric in run.metrics:
        if isinstance(metric, SupportsDirection):
            known |= metric.higher_is_better
        else:
            known |= dict.fromkeys(_names_of(metric, run.rows))
    known["loss"] = False
    name = table.metric or next(iter(known))
    if name not in known:
        problems.append(f"search.metric: the run has no metric '{name}'{did_you_mean(name, known)}")
        return name, False
    higher = known[name] if table.better is None else table.better == "higher"
    if higher is None:
        problems.append(f'search.better: \'{name}\' does not say which is better: write "higher" or "lower"')
    return name, bool(higher)


def _names_of(metric: MetricComputer, rows: Rows) -> Iterable[str]:
    """Return what a metric computes, by computing it for predictions that say nothing."""
    assert rows.targets is not None  # noqa: S101 - rows to learn from have some
    some, width = rows.targets[:100], rows.schema.target.width
    return metric.compute(np.full((len(some), width), 1 / width), some)


def _numbers(settings: Mapping[str, Any], run: Run) -> dict[str, float]:
    """Return the settings that members of one fleet can differ in, by the names that the fleet has for them."""
    of_optimizer = run.optimizer.settings
    of_model = run.model.settings if isinstance(run.model, SupportsSettings) else {}
    found = {}
    for path in settings:
        for prefix, own, other in ((_OPTIMIZER, of_optimizer, of_model), (_MODEL, of_model, of_optimizer)):
            name = path.removeprefix(prefix)
            if path.startswith(prefix) and name in own and name not in other:
                found[name] = own[name]
    return found


def _program(settings: Mapping[str, Any], run: Run, numbers: Mapping[str, float]) -> str:
    """Return what two trials must have in common to be members of one fleet, as text to compare."""
    own = {f"{prefix}{name}" for prefix in (_OPTIMIZER, _MODEL) for name in numbers}
    shared = {path: value for path, value in settings.items() if path not in own and path != "seed"}
    # A component may also have taken the run's seed for its own.
    components = [
        {name: value for name, value in resolved({"use": ""}, component).items() if name not in numbers}
        for component in (run.model_provider, run.workflow)
    ]
    return json.dumps([sorted(numbers), shared, components], sort_keys=True, default=str)
