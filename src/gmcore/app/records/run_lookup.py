"""The lookup of run folders by the name of the folder, by the name of the run, or as the newest one."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import attrs

from gmcore.errors import InputError, ModelFileError, did_you_mean
from gmcore.storage.files import printable, reason

__all__ = ["WITH_MODEL", "RunKind", "check_has_model", "newest_run", "run_named"]

_FOLDER = re.compile(
    r"(?P<name>.+)-(?:train|validate|search)-(?P<time>\d{8}-\d{6})(?:-(?P<number>\d+))?", re.ASCII | re.DOTALL
)
_SHOWN = 5


@attrs.frozen
class RunKind:
    """The runs that a command can use.

    Attributes:
        verb: ends a sentence about one of them, such as `"has a model"`.
        check: raises an `InputError`, which says why, for a run folder that is none of them.
    """

    verb: str
    check: Callable[[Path], object]


@attrs.frozen
class _Run:
    """A run folder; the name, the time in UTC and the number among those of one second are read from its name."""

    path: Path
    name: str
    time: str
    number: int


def newest_run(runs: Path, kind: RunKind) -> Path:
    """Return the newest run in the folder `runs` that is of a kind.

    Raises:
        InputError: if there is none; the message says why the newest run is not, and lists the others.
    """
    return _newest(_runs(runs), kind, f"in {printable(runs)}")


def run_named(given: Path, runs: Path, kind: RunKind) -> Path:
    """Return the run folder or file of that path; else the folder of that name, or the newest run of that name.

    Args:
        given: a path, the name of a folder in `runs`, or the name of a run, such as `breast_cancer`.
        runs: the folder of the runs.
        kind: which runs of that name are meant.

    Raises:
        InputError: if no run has that name, or none of them is of the kind; the message says why the newest is not.
    """
    if _is_path(given):
        return given
    found = _runs(runs)
    if given.name in [run.path.name for run in found] or _is_run_folder(runs / given.name):
        return runs / given.name
    named = [run for run in found if run.name == given.name]
    if named:
        return _newest(named, kind, f"named '{printable(given)}' in {printable(runs)}")
    if os.path.exists(given):  # noqa: PTH110 - Path.exists raises for a name that is too long
        return given
    hint = did_you_mean(given.name, _near(given.name, found)) or _listed(found)
    raise InputError(f"{printable(given)} does not exist, and no run in {printable(runs)} has that name{hint}")


def _newest(runs: Sequence[_Run], kind: RunKind, where: str) -> Path:
    """Return the newest run of a kind; `where` says in a message which runs these are."""
    problems: list[InputError] = []
    for run in runs:
        try:
            kind.check(run.path)
        except InputError as error:
            problems.append(error)
        else:
            return run.path
    why = f": {problems[0]}" if problems else ""
    raise InputError(f"no run {where} {kind.verb}{why}" + ("" if len(runs) == 1 else _listed(runs)))


def _runs(folder: Path) -> list[_Run]:
    """Return the runs in a folder, the newest first."""
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the runs in {printable(folder)}: {reason(error)}") from error
    named = [(path, match) for path in paths if (match := _FOLDER.fullmatch(path.name)) and path.is_dir()]
    runs = [_Run(path, found["name"], found["time"], int(found["number"] or 0)) for path, found in named]
    return sorted(runs, key=lambda run: (run.time, run.number, run.name), reverse=True)


def _near(name: str, runs: Sequence[_Run]) -> set[str]:
    """Return the names that may have been meant: of folders if it has a date and a time, else of runs."""
    return {run.path.name for run in runs} if _FOLDER.fullmatch(name) else {run.name for run in runs}


def _listed(runs: Iterable[_Run]) -> str:
    """Return the end of a message that lists the newest of some runs."""
    names = [run.path.name for run in runs]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"; the newest runs are {', '.join(names[:_SHOWN])}{more}" if names else "; there are no runs"


def _is_path(given: Path) -> bool:
    """Return whether this is a path, which may be missing, and not the name of a run."""
    is_name = str(given) == given.name and given.suffix != ".safetensors"
    return not is_name or _is_file(given) or _is_run_folder(given)


def _is_run_folder(path: Path) -> bool:
    return _is_file(path / "provenance.json") or _has_model(path)


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for a name that is too long


def _has_model(folder: Path) -> bool:
    return _is_file(folder / "model.safetensors")


def check_has_model(folder: Path) -> None:
    """Raise an `InputError` for a folder without a model, which says whether it is a run folder."""
    if _has_model(folder):
        return
    if not _is_run_folder(folder):
        raise ModelFileError(
            f"{printable(folder)} is neither a model file nor a run folder: pass a model.safetensors, or the folder of "
            "a run that has one"
        )
    raise ModelFileError(
        f"the run {printable(folder)} has no model: gmcore validate saves none, and a run that is stopped or fails may "
        "not have saved one yet"
    )


WITH_MODEL = RunKind("has a model", check_has_model)
"""The runs that have a trained model, their last one or the best so far."""
