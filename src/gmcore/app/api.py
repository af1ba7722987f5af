"""The public functions: `train`, `cross_validate`, `search` and `find_rate`, for run files, arrays and objects."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Unpack

from gmcore.app.commands.cross_validate import cross_validate as cross_validate_run
from gmcore.app.commands.find_rate import find_rate as find_rate_of_run
from gmcore.app.commands.search import search as search_run
from gmcore.app.commands.train import train as train_run
from gmcore.app.composing.folds import GivenFolds
from gmcore.app.composing.run import Run, open_run
from gmcore.app.composing.work import Command
from gmcore.app.records.rate_finding import RateFinding
from gmcore.app.records.results import CrossValidated, Searched, Trained
from gmcore.app.searching.plan import plan_of
from gmcore.app.settings import HooksLike, Settings
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Cancellation, Hooks, Rows
from gmcore.errors import ConfigError, did_you_mean
from gmcore.ports import DataProvider
from gmcore.registry.port_check import implements

__all__ = ["cross_validate", "find_rate", "search", "train"]

_USED_BY = {
    "folds": "cross_validate",
    "validation": "cross_validate",
    "engine": "cross_validate",
    "search": "search",
}
_UNUSED = {
    "folds": ["train", "find_rate"],
    "validation": ["train", "find_rate"],
    "engine": ["train", "find_rate"],
    "search": ["train", "cross_validate", "find_rate"],
}
_OPENED_FOR: dict[str, Command] = {
    "train": "train",
    "cross_validate": "validate",
    "search": "search",
    "find_rate": "train",  # on the backend that it finds the rate for
}


def train(
    data: object,
    y: object = None,
    /,
    *,
    runs: str | Path | None = None,
    hooks: HooksLike = (),
    cancellation: Cancellation | None = None,
    **settings: Unpack[Settings],
) -> Trained:
    """Train one model.

    Args:
        data: the path of a run file, its tables, a `DataProvider`, or the inputs: an array `(rows, features)`, a
            mapping from name to column, or a data frame.
        y: with inputs, the targets: classes or numbers, `(rows,)` or `(rows, targets)`.
        runs: folder in which a run folder is created; None for none.
        hooks: listeners in addition to those of the run file: names, tables with `use`, objects or classes with hooks,
            functions with the name of a hook, or a `Hooks`.
        cancellation: stops the training at the next step once it is set.
        settings: entries that replace those of the run file: `seed`, `dtype`, `backend`, `model`, `training` and
            `metrics`. A component can be an object in place of a table, also within tables; a metric can be a function.
            With inputs also `weights`, `(rows,)`.

    Raises:
        InputError: if the data or settings are invalid, or an argument is not used; nothing has been started.
        TrainingError: if training failed.
    """
    run, listeners = _open("train", data, y, hooks, settings)
    return train_run(run, runs=_path(runs), hooks=listeners, cancellation=cancellation)


def cross_validate(
    data: object,
    y: object = None,
    /,
    *,
    runs: str | Path | None = None,
    hooks: HooksLike = (),
    cancellation: Cancellation | None = None,
    **settings: Unpack[Settings],
) -> CrossValidated:
    """Train one model per fold, all as one fleet, and score each on its held-out rows.

    Arguments and errors as for `train`, and also `validation`, a cross-validator or a scikit-learn splitter; or in its
    place `folds`, their number or pairs of row indices; and `engine`, where the models are trained.
    """
    run, listeners = _open("cross_validate", data, y, hooks, settings)
    return cross_validate_run(run, runs=_path(runs), hooks=listeners, cancellation=cancellation)


def search(
    data: object,
    y: object = None,
    /,
    *,
    runs: str | Path | None = None,
    hooks: HooksLike = (),
    cancellation: Cancellation | None = None,
    **settings: Unpack[Settings],
) -> Searched:
    """Score each combination of settings in `search` by cross-validation, and train a model with the best one.

    Arguments and errors as for `cross_validate`, and also `search`, the table of that name in a run file.
    """
    run, listeners = _open("search", data, y, hooks, settings)
    return search_run(run, plan_of(run), runs=_path(runs), hooks=listeners, cancellation=cancellation)


def find_rate(
    data: object,
    y: object = None,
    /,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    count: int = 40,
    steps: int = 100,
    hooks: HooksLike = (),
    cancellation: Cancellation | None = None,
    **settings: Unpack[Settings],
) -> RateFinding:
    """Train the same model for a few steps at many learning rates, all as one fleet, and suggest a learning rate.

    Nothing is written. Other arguments and errors as for `train`.

    Args:
        data: as for `train`.
        y: as for `train`.
        low: the lowest learning rate.
        high: the highest learning rate.
        count: number of learning rates, evenly spaced in their logarithm.
        steps: number of optimizer steps at each; rows that are too few for them are passed through several times.
        hooks: as for `train`.
        cancellation: as for `train`.
        settings: as for `train`.

    Raises:
        TrainingError: if training failed, at all learning rates.
    """
    run, listeners = _open("find_rate", data, y, hooks, settings)
    return find_rate_of_run(
        run, low=low, high=high, count=count, steps=steps, hooks=listeners, cancellation=cancellation
    )


def _open(command: str, data: object, y: object, hooks: HooksLike, settings: Settings) -> tuple[Run, Hooks | None]:
    """Return the run, with its hook plugins, and `hooks` if they are compiled already."""
    _check_names(settings)
    given: dict[str, object] = {name: value for name, value in settings.items() if value is not None}
    _check_used(command, given, hooks)
    source, rows = _source(data, y, given)
    given |= rows
    if "folds" in given:
        given["validation"] = _validation(given)
    plugins = () if isinstance(hooks, Hooks) else tuple(hooks)
    run = open_run(source, command=_OPENED_FOR[command], settings=given, hooks=plugins)
    return run, hooks if isinstance(hooks, Hooks) else None


def _source(data: object, y: object, given: dict[str, object]) -> tuple[Path | Mapping[str, object], dict[str, object]]:
    """Return the run file or its tables, and the entry `data` if rows were passed."""
    weights = given.pop("weights", None)
    problems = []
    source: Path | Mapping[str, object] | None = None
    if isinstance(data, str | Path):
        source = Path(data)
    elif isinstance(data, Mapping) and y is None:
        source = data
    # Not isinstance, which reads the properties of a provider and so loads its rows.
    in_arrays = source is None and not implements(type(data), DataProvider)
    if source is None and "data" in given:
        problems.append("data: rows were already passed as the first argument: remove one of the two")
    if isinstance(data, Rows):
        own = {"y": ("targets", y), "weights": ("weights", weights)}
        problems += [f"{name}: Rows have their own {what}" for name, (what, one) in own.items() if one is not None]
    if weights is not None and not in_arrays:
        problems.append("weights: requires rows passed as arrays or data frames; set a data provider's own option")
    if y is not None and not in_arrays:
        problems.append("y: requires rows passed as arrays or data frames; a data provider has its own target")
    if problems:
        raise ConfigError(problems)
    if source is not None:
        return source, {}
    return {}, {"data": ArrayData(data, y, weights=weights) if in_arrays else data}


def _check_names(given: Mapping[str, object]) -> None:
    known = [*Settings.__annotations__, "runs", "hooks", "cancellation"]
    unknown = [f"{name}: unknown argument{did_you_mean(name, known)}" for name in given if name not in known]
    if unknown:
        raise ConfigError(unknown)


def _check_used(command: str, given: Mapping[str, object], hooks: object) -> None:
    """Raise if a command does not use an argument, or takes one apart that is not a list."""
    unused = {name: other for name, other in _USED_BY.items() if name in given and command in _UNUSED[name]}
    problems = [
        f"{name}: gmcore.{command} does not use it: remove it, or call gmcore.{other}" for name, other in unused.items()
    ]
    if isinstance(hooks, str | Mapping) or not isinstance(hooks, Hooks | Iterable):
        problems.append(f"hooks: must be a list of hook plugins, got {hooks!r:.60}")
    if problems:
        raise ConfigError(problems)


def _validation(given: dict[str, object]) -> object:
    """Return the entry `validation` for the argument `folds`."""
    folds = given.pop("folds")
    if "validation" in given:
        raise ConfigError(["folds: replaces validation: remove one of the two"])
    if isinstance(folds, int) and not isinstance(folds, bool):
        return {"use": "kfold", "n_splits": folds}
    if isinstance(folds, Iterable) and not isinstance(folds, str | Mapping):
        return GivenFolds.of(folds)
    raise ConfigError([f"folds: must be a number, or pairs of training and validation row indices, got {folds!r:.60}"])


def _path(runs: str | Path | None) -> Path | None:
    return None if runs is None else Path(runs)
