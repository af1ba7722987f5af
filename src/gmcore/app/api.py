"""Training, cross-validating and searching from code: run files or arrays in, results out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gmcore.app.commands import train as commands
from gmcore.app.commands.search import search as search_run
from gmcore.app.composing.run import Run, open_run
from gmcore.app.records.results import CrossValidated, Searched, Trained
from gmcore.app.searching.candidates import plan_of
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import ConfigError
from gmcore.ports import DataProvider

__all__ = ["cross_validate", "search", "train"]


def train(
    data: Any,
    y: Any = None,
    /,
    *,
    runs: str | Path | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    **settings: Any,
) -> Trained:
    """Train one model.

    Args:
        data: a run file (a path or text), a run file's tables, a `DataProvider`, or the inputs:
            `(rows, features)`, a mapping from name to column, or a data frame.
        y: with inputs, what to predict: classes or numbers, `(rows,)` or `(rows, targets)`.
        runs: where a run folder is made; None for none.
        hooks: who is told along the way.
        cancellation: raise it to stop at the next step.
        settings: what a run file says: `seed`, `dtype`, `backend`, `model`, `training`, `validation`,
            `metrics`, `search`; over what the run file says. For `model`, `validation` and `backend` an object does
            as well.

    Raises:
        InputError: for what is wrong with data or settings, before anything is started.
        TrainingError: if training failed.
    """
    run = _open(data, y, settings)
    return commands.train(run, runs=_path(runs), hooks=hooks, cancellation=cancellation)


def cross_validate(
    data: Any,
    y: Any = None,
    /,
    *,
    runs: str | Path | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    **settings: Any,
) -> CrossValidated:
    """Train one model a fold, all as one fleet, and score each on the rows it never saw.

    Arguments and errors are those of `train`; `validation` may also be anything with scikit-learn's `split`.
    """
    run = _open(data, y, settings)
    return commands.cross_validate(run, runs=_path(runs), hooks=hooks, cancellation=cancellation)


def search(
    data: Any,
    y: Any = None,
    /,
    *,
    runs: str | Path | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    **settings: Any,
) -> Searched:
    """Try the settings that `search` names, score each by cross-validation, and train the best on all rows.

    Arguments and errors are those of `train`; `search` is a run file's table of that name.
    """
    run = _open(data, y, settings)
    return search_run(run, plan_of(run), runs=_path(runs), hooks=hooks, cancellation=cancellation)


def _open(data: Any, y: Any, settings: Mapping[str, Any]) -> Run:
    plain = (Mapping, str, int, float, list, tuple)
    tables = {name: value for name, value in settings.items() if isinstance(value, plain)}
    components = {name: value for name, value in settings.items() if name not in tables and value is not None}
    for name, component in components.items():
        if name not in ("model", "validation", "backend"):
            raise ConfigError([f"{name}: must be a name, a number or a table, got {type(component).__name__}"])
    if isinstance(data, str | Path):
        return open_run(Path(data), settings=tables, components=components)
    if isinstance(data, Mapping) and y is None:
        return open_run(data, settings=tables, components=components)
    source = data if isinstance(data, DataProvider) else ArrayData(data, y)
    return open_run({}, settings=tables, components={**components, "data": source})


def _path(runs: str | Path | None) -> Path | None:
    return None if runs is None else Path(runs)
