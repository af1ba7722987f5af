"""Fuzzes run folders: what is missing, damaged or exchanged in one is said, and results are never those of others."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import attrs
from base_runs import finished_run, killed_run, outcome
from harness import Case, Verdict, in_child, main
from mutations import changed_tree, damaged
from sandbox import called, problem_of

_FILES = (
    "config.toml",
    "provenance.json",
    "status.json",
    "metrics.jsonl",
    "result.json",
    "model.safetensors",
    "checkpoints",
)
_JSON = ("provenance.json", "status.json", "result.json")
_SPECIAL = ("folder", "fifo", "loop", "dangling", "device", "empty", "victim")
_STRANGERS = (
    "notes.txt",
    ".x.partial",
    "chunk-00000-99999999-00000000.safetensors",
    "chunk-00009-00000001-00000000.safetensors",
    "chunk-99999999999999999999-00000001-00000000.safetensors",
    "é\n",
    "x" * 200,
    "winner",
    "group-00000",
)
_VICTIM = "a file that no command may change"
# Commands by whether the run has finished, each as often as it is of interest.
_COMMANDS = {
    True: ("replay", "replay", "predict", "predict", "resume"),
    False: ("resume", "resume", "resume", "predict", "replay"),
}
_NOT_REPLAYED = ("run", "model", "seconds", "profile")


@attrs.frozen(kw_only=True)
class Base:
    """A run folder, and what comes of it undamaged: its outcome when resumed, and its predictions if it has a model."""

    folder: Path
    finished: bool
    outcome: dict[str, object]
    predictions: str


def prepare(place: Path) -> Callable[[Case], Verdict]:
    """Make runs of several commands, some killed, and return the judge of their damaged folders."""
    bases = []
    for number, (command, finished) in enumerate(
        [
            ("train", True),
            ("train", True),
            ("train", False),
            ("train", False),
            ("validate", True),
            ("validate", False),
            ("search", False),
        ]
    ):
        room = place / f"{number}"
        room.mkdir()
        make = finished_run if finished else killed_run
        bases.append(_base(room, make(room, command, seed=number), finished=finished))
    return lambda case: _judged(case, bases)


def _base(room: Path, folder: Path, *, finished: bool) -> Base:
    whole = shutil.copytree(folder, room / "whole")

    def work() -> None:
        if not finished:
            done = called(room, "resume", whole, may_write=[whole])
            assert done.status == 0, done.stderr
        has_model = (whole / "model.safetensors").exists()
        done = called(room, "predict", whole, room / "rows.csv", "--backend", "metal") if has_model else None
        (room / "predictions").write_text("" if done is None else done.stdout)

    in_child(work)
    return Base(
        folder=folder, finished=finished, outcome=outcome(whole), predictions=(room / "predictions").read_text()
    )


def _judged(case: Case, bases: list[Base]) -> Verdict:
    random = case.random
    base, other = random.sample(bases, 2)
    run, victim = shutil.copytree(base.folder, case.place / "run"), case.place / "victim"
    victim.write_text(_VICTIM)
    what = _damage(random, run, other.folder)
    again = random.random() < 0.2
    what = f"{what}; {_damage(random, run, other.folder)}" if again else what
    command = random.choice(_COMMANDS[base.finished])
    rows = [base.folder.parent.parent / "rows.csv"] if command == "predict" else []
    may_write = [run] if command == "resume" else []
    done = called(case.place, command, run, *rows, "--backend", "metal", may_write=may_write)
    problem = problem_of(done, statuses=(0, 1, 2) if command != "predict" else (0, 2))
    outcome_of = {0: "accepted", 1: "failed", 2: "refused"}.get(done.status, "ended")
    if not problem and victim.read_text() != _VICTIM:
        problem = "it changed a file that the folder linked to"
    if not problem and not done.status:
        problem = _unequal(command, base, other, run, done.stdout, what)
    return Verdict(what=f"{command} {base.folder.name.split('-')[1]}: {what}", outcome=outcome_of, problem=problem)


def _unequal(command: str, base: Base, other: Base, run: Path, stdout: str, what: str) -> str:
    """Return a problem if a command succeeded with another result than the undamaged folder's."""
    if command == "resume" and "command" not in what and outcome(run) != base.outcome:
        return "the result differs from that of the undamaged run"
    if command == "predict" and stdout not in (base.predictions, other.predictions):
        return "its predictions are those of no model"
    if command == "replay" and _recorded(run) != _recorded(base.folder):
        return "it says bit-identical of a record that was changed"
    return ""


def _recorded(run: Path) -> object:
    """Return what a replay compares, as far as it is not in checkpoints."""
    report = json.loads((run / "result.json").read_text())
    log = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    model = run / "model.safetensors"
    kept = {key: value for key, value in report.items() if key not in _NOT_REPLAYED}
    return kept, log, model.read_bytes() if model.exists() else b""


def _damage(random: Random, run: Path, other: Path) -> str:
    """Damage something in a run folder, and return what was done."""
    present = [name for name in _FILES if os.path.lexists(run / name)] or ["config.toml"]
    name = random.choice(present)
    path = run / name
    kinds = [_remove, _replace, _exchange, _extra, _rename]
    regular = path.is_file() and not path.is_symlink()
    kinds += [_bytes, _bytes, _bytes] if regular and path.stat().st_size else []
    kinds += [_json, _json, _json, _json] if regular and name in _JSON else []
    kinds += [_checkpoint, _checkpoint] if name == "checkpoints" and path.is_dir() else []
    return random.choice(kinds)(random, path, other)


def _gone(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove(_: Random, path: Path, __: Path) -> str:
    _gone(path)
    return f"no {path.name}"


def _replace(random: Random, path: Path, _: Path) -> str:
    _gone(path)
    kind = random.choice(_SPECIAL)
    targets = {
        "loop": path,
        "dangling": path.parent / "nowhere",
        "device": Path("/dev/zero"),
        "victim": path.parent.parent / "victim",
    }
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "empty":
        path.touch()
    else:
        path.symlink_to(targets[kind])
    return f"{path.name} is {kind}"


def _exchange(_: Random, path: Path, other: Path) -> str:
    theirs = other / path.name
    if not theirs.exists():
        return "nothing"
    _gone(path)
    (shutil.copytree if theirs.is_dir() else shutil.copy)(theirs, path)
    return f"{path.name} of another run"


def _extra(random: Random, path: Path, _: Path) -> str:
    folder = random.choice([path.parent, path.parent / "checkpoints"])
    if not folder.is_dir():
        return "nothing"
    name = random.choice(_STRANGERS)
    new = folder / name
    if not new.exists():
        random.choice([lambda: new.write_bytes(random.randbytes(99)), new.touch, new.mkdir, lambda: os.mkfifo(new)])()
    return f"also {folder.name}/{name[:60]!r}"


def _rename(random: Random, path: Path, _: Path) -> str:
    new = path.with_name(random.choice([path.name.upper(), f"{path.name}.bak", random.choice(_FILES)]))
    if new != path:
        _gone(new)
        path.rename(new)
    return f"{path.name} renamed to {new.name}"


def _bytes(random: Random, path: Path, _: Path) -> str:
    content, what = damaged(random, path.read_bytes())
    path.write_bytes(content)
    return f"{path.name}: {what}"


def _json(random: Random, path: Path, _: Path) -> str:
    try:
        tree = json.loads(path.read_text())
    except ValueError:
        return "nothing"
    if not isinstance(tree, dict) or not tree:
        return "nothing"
    changed, what = changed_tree(random, tree)
    path.write_text(json.dumps(changed))
    return f"{path.name}: {what}"


def _checkpoint(random: Random, path: Path, other: Path) -> str:
    files = sorted(one for one in path.rglob("*") if one.is_file())
    if not files:
        return "nothing"
    one = random.choice(files)
    kind = random.choice(["remove", "damage", "copy", "other"])
    if kind == "remove":
        one.unlink()
    elif kind == "damage" and one.stat().st_size:
        one.write_bytes(damaged(random, one.read_bytes())[0])
    elif kind == "copy":
        new = one.with_name(f"chunk-0000{random.randrange(3)}-0000000{random.randrange(9)}-00000000.safetensors")
        new.write_bytes(one.read_bytes())
    else:
        theirs = sorted(found for found in (other / "checkpoints").rglob("*") if found.is_file())
        shutil.copy(random.choice(theirs), one)
    return f"checkpoint {one.name}: {kind}"


if __name__ == "__main__":
    sys.exit(main("run folders", cases=1400, prepare=prepare))
