"""The command `replay`: trains a finished run again from its record, and compares the results to the bit."""

import contextlib
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict, TypeVar, cast

import attrs

from gmcore.app.commands.cross_validate import cross_validate
from gmcore.app.commands.run_folders import parts_of
from gmcore.app.commands.session import warn
from gmcore.app.commands.train import train
from gmcore.app.jobs.fleet_folder import snapshots_in
from gmcore.app.records.provenance import provenance
from gmcore.app.records.record import Record, read_record, reopened
from gmcore.app.records.results import CrossValidated, Trained
from gmcore.app.records.run_lookup import RunKind
from gmcore.domain import Cancellation, CheckpointConfig, Hooks
from gmcore.domain.plain import plain
from gmcore.domain.tree import tree_flatten
from gmcore.errors import InputError
from gmcore.registry.plugin_variables import set_by_plugins
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.regular_file import json_problem, read_regular, read_text
from gmcore.storage.run_folder import RunFolder

__all__ = ["REPLAYABLE", "Difference", "Replayed", "replay"]

# The keys of `provenance.json` that may explain a difference, and those of `result.json` that are not compared.
_CAUSES = ("packages", "plugins", "compute", "environment", "python", "platform", "dtype", "seed")
_NOT_COMPARED = ("run", "model", "seconds", "profile")

T = TypeVar("T")


@attrs.frozen
class Difference:
    """A difference between two runs; None stands for a missing value."""

    what: str
    then: object
    now: object


@attrs.frozen(kw_only=True)
class Replayed:
    """The result of `replay`.

    Attributes:
        run: the folder of the replayed run.
        folder: the folder of the new run; None if nothing was trained, or the new run is not kept.
        differences: the differences in data, roles of rows, epochs, weights and results, in this order; empty if the
            runs are bit-identical.
        made_of: the differences in packages, machine and settings, which may explain the others.
        seconds: wall-clock seconds of the command.
        profile: the profile of the new run, as in `Trained`; empty if nothing was trained.
    """

    run: Path
    folder: Path | None
    differences: tuple[Difference, ...]
    made_of: tuple[Difference, ...]
    seconds: float
    profile: Mapping[str, float]

    @property
    def same(self) -> bool:
        """Whether the runs are bit-identical."""
        return not self.differences

    @property
    def report(self) -> dict[str, object]:
        """The same as JSON values."""
        return {
            "run": self.run,
            "replayed": self.folder,
            "same": self.same,
            "differences": list(self.differences),
            "made_of": list(self.made_of),
            "seconds": self.seconds,
            "profile": dict(self.profile),
        }


class _LogLine(TypedDict):
    """A line of `metrics.jsonl`, as far as it is read by key."""

    epoch: int
    members: list[int]


@attrs.frozen(kw_only=True)
class _Outcome:
    """The outcome of a run: its epoch log, the hashes of its weights, and its result."""

    epochs: Sequence[_LogLine]
    weights: Mapping[str, str]
    result: Mapping[str, object]


def replay(
    folder: str | Path,
    *,
    runs: Path | None = None,
    backend: Mapping[str, object] | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> Replayed:
    """Train a finished run again from its record, and compare data, roles of rows, epochs, weights and results.

    If the data or the roles differ, nothing is trained.

    Args:
        folder: the run folder; it is only read.
        runs: folder in which the new run folder is created; None for a temporary one.
        backend: table of another backend than the run's, as in a run file.
        hooks: listeners in addition to those of the run's hook plugins.
        cancellation: stops the training at the next step once it is set.
        say: called with a message for each failed write after which the run continues, and for a failed fold.

    Raises:
        InputError: if `folder` is not a run folder of this version, the run has not finished, or it is a search.
    """
    start = time.perf_counter()
    record = _replayable(Path(folder))
    run = reopened(record, backend)
    parts = parts_of(run, record.command)
    made_of = _made_of(record, plain(provenance(run, record.command, parts)))
    changed = tuple(Difference(f"sha256 of the {what}", *pair) for what, pair in record.changed(run, parts).items())
    replayed = Replayed(run=record.path, folder=None, differences=changed, made_of=made_of, seconds=0.0, profile={})
    if not changed:
        recorded = _outcome(record.path)
        command = train if record.command == "train" else cross_validate
        with tempfile.TemporaryDirectory(prefix="gmcore-replay-") as temporary:
            done = command(run, runs=runs or Path(temporary), hooks=hooks, cancellation=cancellation, say=say)
            replayed = _compared(replayed, recorded, done, keep=runs is not None)
    return attrs.evolve(replayed, seconds=time.perf_counter() - start)


def _compared(replayed: Replayed, recorded: _Outcome, done: Trained | CrossValidated, *, keep: bool) -> Replayed:
    """Return the result after comparing the new run with the recorded outcome."""
    assert done.folder is not None  # noqa: S101 - both commands had a folder `runs`
    differences = tuple(_differences(recorded, _outcome(done.folder)))
    folder = done.folder if keep else None
    return attrs.evolve(replayed, folder=folder, differences=differences, profile=dict(done.profile))


def _replayable(path: Path) -> Record:
    """Return the record of a run; raise if the run can't be replayed."""
    record = read_record(path)
    if record.command not in ("train", "validate"):
        raise InputError(f"the run {path} was made by gmcore {record.command}: only train and validate can be replayed")
    if record.status != "done":
        raise InputError(
            f"the run {path} did not finish (status {record.status}), so it can't be replayed: gmcore resume {path}"
        )
    return record


REPLAYABLE = RunKind("can be replayed", _replayable)


def _made_of(record: Record, now: Mapping[str, object]) -> tuple[Difference, ...]:
    then = cast("Mapping[str, object]", record.facts)
    then = {**then, "environment": _given_environment(then.get("environment"))}
    return tuple(_unequal({name: then.get(name) for name in _CAUSES}, {name: now[name] for name in _CAUSES}))


def _given_environment(recorded: object) -> object:
    """Return the recorded environment without the variables that plugins have set to the same values now."""
    variables = recorded.get("variables") if isinstance(recorded, Mapping) else None
    if not isinstance(recorded, Mapping) or not isinstance(variables, Mapping):
        return recorded
    own = set_by_plugins()
    return {**recorded, "variables": {name: value for name, value in variables.items() if own.get(name) != value}}


def _outcome(folder: Path) -> _Outcome:
    return _Outcome(epochs=_epochs(folder), weights=_weights(folder), result=_result(folder))


def _differences(then: _Outcome, now: _Outcome) -> Iterator[Difference]:
    """Yield the differences in the first epoch that differs, in the weights, and in the numbers of the result."""
    yield from _first_epoch(then.epochs, now.epochs)
    yield from _unequal(then.weights, now.weights)
    yield from _unequal(then.result, now.result)


def _first_epoch(then: Sequence[_LogLine], now: Sequence[_LogLine]) -> Iterator[Difference]:
    for one, other in zip(then, now, strict=False):
        differences = list(_unequal(one, other, f"epoch {one['epoch']} of members {one['members']}: "))
        if differences:
            yield from differences
            return
    if len(then) != len(now):
        yield Difference("number of logged epochs", len(then), len(now))


def _unequal(then: object, now: object, prefix: str = "") -> Iterator[Difference]:
    """Yield the leaves of two JSON values that differ, each with its dotted path."""
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        if then != now:
            yield Difference(prefix.rstrip("."), then, now)
        return
    for name in [*then, *(name for name in now if name not in then)]:
        yield from _unequal(then.get(name), now.get(name), f"{prefix}{name}.")


def _epochs(folder: Path) -> list[_LogLine]:
    return _parsed(folder / "metrics.jsonl", lambda text: [_log_line(line) for line in text.splitlines()])


def _log_line(text: str) -> _LogLine:
    line: _LogLine = json.loads(text)
    if not {"epoch", "members"} <= set(line):
        raise ValueError(f"a line without epoch or members: {text:.80}")
    return line


def _result(folder: Path) -> dict[str, object]:
    return _parsed(folder / "result.json", _report)


def _report(text: str) -> dict[str, object]:
    report: dict[str, object] = json.loads(text)
    folds = cast("Sequence[Mapping[str, object]]", report.pop("folds", ()))
    by_name = {f"fold {fold['index']}": fold for fold in folds}
    return {**by_name, **{name: value for name, value in report.items() if name not in _NOT_COMPARED}}


def _parsed(path: Path, parse: Callable[[str], T]) -> T:
    try:
        return parse(read_text(path))
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"cannot compare with {path}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"cannot compare with {path}, which is damaged: {json_problem(error)}") from error


def _weights(folder: Path) -> dict[str, str]:
    """Return the hashes of the model file and of the last checkpoint of each chunk, by description."""
    hashes = {}
    for _, snapshot in snapshots_in(Checkpoints(folder=RunFolder(folder).checkpoints, config=CheckpointConfig())):
        digest = hashlib.sha256()
        for name, leaf in sorted(tree_flatten(snapshot.arrays).items()):
            digest.update(f"{name} {leaf.dtype.str} {leaf.shape}".encode() + leaf.tobytes())
        hashes[f"sha256 of the training of members {list(snapshot.members)}"] = digest.hexdigest()
    with contextlib.suppress(FileNotFoundError):
        model = read_regular(folder / "model.safetensors")
        hashes["sha256 of model.safetensors"] = hashlib.sha256(model).hexdigest()
    return hashes
