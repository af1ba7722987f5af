"""The candidates of a search: its trials, each with a checked run, grouped by compiled program."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

import attrs

from gmcore.app.composing.run import Run, varied
from gmcore.app.composing.run_config import copied, spelt_out
from gmcore.app.records.component_table import component_table
from gmcore.domain import Fold
from gmcore.domain.sizes import size_text
from gmcore.errors import ConfigError
from gmcore.ports import SupportsSettings
from gmcore.training.memory import process_memory
from gmcore.training.trials import Trial

__all__ = ["Candidate", "Round", "candidate_runs", "members_of", "round_of"]

_OPTIMIZER = "training.optimizer."
_MODEL = "model."
_SHARE_OF_MEMORY = 0.5


@attrs.frozen(kw_only=True, eq=False)
class Candidate:
    """A trial, and the run with its settings."""

    trial: Trial
    run: Run


@attrs.frozen(kw_only=True, eq=False)
class Round:
    """The trials that a strategy proposed at once.

    Attributes:
        candidates: the trials, in order.
        groups: the trials grouped by shapes and programs; each group is trained as one fleet.
        first_group: number of groups in earlier rounds.
        first_member: number of models in earlier rounds.
    """

    candidates: tuple[Candidate, ...]
    groups: tuple[tuple[Candidate, ...], ...]
    first_group: int = 0
    first_member: int = 0

    @property
    def members(self) -> int:
        """Number of models to train in this round."""
        return sum(map(members_of, self.groups))


def members_of(group: Sequence[Candidate]) -> int:
    """Return the number of models in the fleet of a group."""
    return sum(len(one.trial.folds) for one in group)


def candidate_runs(
    run: Run, trials: Sequence[Mapping[str, object]], problems: list[str]
) -> list[tuple[dict[str, object], Run]]:
    """Return the settings and the run of each trial; add the problems of all of them.

    Args:
        run: the run of the search.
        trials: the settings of each trial, by path.
        problems: gets the problems, each with its path.
    """
    tables = spelt_out(run.tables)
    runs = []
    for settings in trials:
        try:
            runs.append((dict(settings), varied(run, _with_settings(tables, settings))))
        except ConfigError as error:
            problems += [f"search.space.{problem}" for problem in error.problems]
    return runs


def round_of(runs: Sequence[tuple[dict[str, object], Run]], *, after: Round | None = None) -> Round:
    """Return the round of these candidates.

    Args:
        runs: the settings and the run of each, in order.
        after: the round before; None for the first.

    Raises:
        ConfigError: if their folds do not fit the memory.
        DataError: if the rows can't be split by the cross-validator.
    """
    first = 0 if after is None else after.candidates[-1].trial.index + 1
    folds: dict[int, list[Fold]] = {}
    candidates, groups = [], dict[str, list[Candidate]]()
    for index, (settings, one) in enumerate(runs, start=first):
        seed = one.config.seed
        if seed not in folds:
            folds[seed] = one.folds()
            if len(folds) == 1:
                _check_memory(folds[seed], len({run.config.seed for _, run in runs}))
        numbers = _numbers(settings, one)
        trial = Trial(index=index, settings=settings, numbers=numbers, seed=seed, folds=folds[seed])
        candidates.append(Candidate(trial=trial, run=one))
        groups.setdefault(_program(settings, one, numbers), []).append(candidates[-1])
    return Round(
        candidates=tuple(candidates),
        groups=tuple(map(tuple, groups.values())),
        first_group=0 if after is None else after.first_group + len(after.groups),
        first_member=0 if after is None else after.first_member + after.members,
    )


def _check_memory(folds: Sequence[Fold], seeds: int) -> None:
    """Raise if the folds of all seeds, each of which has its own, do not fit the memory."""
    size = seeds * sum(fold.train.nbytes + fold.validation.nbytes for fold in folds)
    total = process_memory().total
    if size > _SHARE_OF_MEMORY * total:
        sizes = f"{size_text(size)} of {size_text(total)}"
        raise ConfigError([f"search.space.seed: the folds of {seeds:,} seeds take {sizes}: search fewer seeds"])


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
