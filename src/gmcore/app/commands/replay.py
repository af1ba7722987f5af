"""Training again from a run folder's record, to see whether the same bits come out."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from gmcore.app.commands import train as commands
from gmcore.app.composing.run import Run, open_run
from gmcore.app.records.provenance import provenance
from gmcore.app.records.record import Record, read_record
from gmcore.domain import Cancellation, CheckpointConfig, Hooks
from gmcore.domain.plain import plain
from gmcore.domain.tree import tree_flatten
from gmcore.errors import InputError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.run_folder import RunFolder

__all__ = ["Difference", "Replayed", "replay"]

_MADE_OF = ("packages", "plugins", "compute", "environment", "python", "platform", "dtype", "seed")
_NOT_THE_RESULT = ("run", "model", "seconds", "profile")


@attrs.frozen
class Difference:
    """One thing that is not what it was: None where it was not there."""

    what: str
    then: object
    now: object


@attrs.frozen(kw_only=True)
class Replayed:
    """What `replay` gives back.

    Attributes:
        run: the folder of the run that was trained again.
        folder: the folder of the run that came out; None if nothing was trained, or nothing was to be kept.
        differences: in data, rows' roles, epochs, weights and results, in the order in which they arise; none: the
            same bits.
        made_of: what the two were made of that differs, and may explain it.
        seconds: wall time of all of it.
        profile: as in `Trained`, of training again; empty if nothing was trained.
    """

    run: Path
    folder: Path | None
    differences: tuple[Difference, ...]
    made_of: tuple[Difference, ...]
    seconds: float
    profile: Mapping[str, float]

    @property
    def same(self) -> bool:
        """Whether the same bits came out."""
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


def replay(
    folder: str | Path,
    *,
    runs: Path | None = None,
    backend: Mapping[str, Any] | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Replayed:
    """Train a finished run again from its record and compare: data, rows' roles, epochs, weights, results.

    Where data or roles differ nothing is trained, since nothing could be the same.

    Args:
        folder: the run folder; it is read and never written.
        runs: where the new run folder goes; None for a temporary place.
        backend: another backend than the run's, as in a run file.
        hooks: who is told.
        cancellation: raise it to stop at the next step.
        say: told in a sentence of what can't be written.

    Raises:
        InputError: if that is no run folder of this version, the run is not done, or it is a search.
    """
    begun, path = time.perf_counter(), Path(folder)
    record = read_record(path)
    if record.command not in ("train", "validate"):
        raise InputError(f"the run {path} was made by gmcore {record.command}: only train and validate can be replayed")
    if record.status != "done":
        raise InputError(
            f"the run {path} is {record.status}, so there is nothing to compare with: gmcore resume {path}"
        )
    run = open_run(path / "config.toml", settings={"backend": backend} if backend else None)
    parts = commands.parts_of(run, record.command)
    made_of = _made_of(record, plain(provenance(run, record.command, parts)))
    changed = tuple(Difference(f"sha256 of the {what}", *pair) for what, pair in record.changed(run, parts).items())
    if changed:
        kept, different, profile = None, changed, dict[str, float]()
    else:
        kept, different, profile = _trained_again(run, record, runs, hooks, cancellation, say)
    seconds = time.perf_counter() - begun
    return Replayed(run=path, folder=kept, differences=different, made_of=made_of, seconds=seconds, profile=profile)


def _trained_again(
    run: Run,
    record: Record,
    runs: Path | None,
    hooks: Hooks | None,
    cancellation: Cancellation | None,
    say: Callable[[str], object],
) -> tuple[Path | None, tuple[Difference, ...], dict[str, float]]:
    """Return the new run's folder, if it is to be kept, what differs, and the profile."""
    then = _outcome(record.path)
    command = commands.train if record.command == "train" else commands.cross_validate
    with tempfile.TemporaryDirectory(prefix="gmcore-replay-") as temporary:
        done = command(run, runs=runs or Path(temporary), hooks=hooks, cancellation=cancellation, say=say)
        assert done.folder is not None  # noqa: S101 - it was asked for
        different = tuple(_differences(then, _outcome(done.folder)))
        return (done.folder if runs else None), different, dict(done.profile)


def _made_of(record: Record, now: Mapping[str, Any]) -> tuple[Difference, ...]:
    then = {name: record.facts.get(name) for name in _MADE_OF}
    return tuple(_unequal(then, {name: now[name] for name in _MADE_OF}))


def _outcome(folder: Path) -> tuple[list[Any], dict[str, str], dict[str, Any]]:
    return _lines(folder), _weights(folder), _result(folder)


def _differences(then: tuple[Any, ...], now: tuple[Any, ...]) -> Iterator[Difference]:
    """Yield what differs between two outcomes: the first epoch, the weights, each number of the result."""
    yield from _first_epoch(then[0], now[0])
    for one, other in zip(then[1:], now[1:], strict=True):
        yield from _unequal(one, other)


def _first_epoch(then: list[Any], now: list[Any]) -> Iterator[Difference]:
    for one, other in zip(then, now, strict=False):
        found = list(_unequal(one, other, f"epoch {one['epoch']} of members {one['members']}: "))
        if found:
            yield from found
            return
    if len(then) != len(now):
        yield Difference("epochs that were told of", len(then), len(now))


def _unequal(then: Any, now: Any, prefix: str = "") -> Iterator[Difference]:
    """Yield each leaf of two JSON values that differs, named by its path."""
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        if then != now:
            yield Difference(prefix.rstrip("."), then, now)
        return
    for name in [*then, *(name for name in now if name not in then)]:
        yield from _unequal(then.get(name), now.get(name), f"{prefix}{name}.")


def _lines(folder: Path) -> list[Any]:
    return _json(folder / "metrics.jsonl", lambda text: [json.loads(line) for line in text.splitlines()])  # type: ignore[no-any-return]


def _result(folder: Path) -> dict[str, Any]:
    report = _json(folder / "result.json", json.loads)
    folds = {f"fold {fold['index']}": fold for fold in report.pop("folds", ())}
    return {**folds, **{name: value for name, value in report.items() if name not in _NOT_THE_RESULT}}


def _json(path: Path, read: Callable[[str], Any]) -> Any:
    try:
        return read(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot compare with {path}: {error}") from error


def _weights(folder: Path) -> dict[str, str]:
    """Return the hashes of a model's file, and of all that each chunk's last checkpoint has."""
    found = {}
    for snapshot in Checkpoints(folder=RunFolder(folder).checkpoints, config=CheckpointConfig()).latest():
        digest = hashlib.sha256()
        for name, leaf in sorted(tree_flatten(snapshot.arrays).items()):
            digest.update(f"{name} {leaf.dtype.str} {leaf.shape}".encode() + leaf.tobytes())
        found[f"sha256 of the training of members {list(snapshot.members)}"] = digest.hexdigest()
    model = folder / "model.safetensors"
    if model.exists():
        found["sha256 of model.safetensors"] = hashlib.sha256(model.read_bytes()).hexdigest()
    return found
