"""Fuzzes run files: a wrong one is refused with its problems, and what an accepted one says is what is done."""

import json
import math
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import numpy as np
import tomli_w
from harness import Case, Verdict, main
from mutations import UNKNOWN, changed_tree, damaged
from sandbox import called, import_once, problem_of

from gmcore.app.composing.run_config import spelt_out

_CLASSES: dict[str, object] = {
    "seed": 3,
    "dtype": "float32",
    "backend": {"use": "metal", "device": "cpu"},
    "data": {
        "use": "csv",
        "path": "rows.csv",
        "target": "kind",
        "separator": ",",
        "encoding": "utf-8",
        "quote": '"',
        "comment": "",
        "header": True,
        "skip_rows": 0,
        "missing": ["", "NA"],
        "drop": ["group"],
        "types": {"colour": "categorical"},
        "weight": "weight",
        "task": "classification",
        "classes": ["no", "yes"],
        "cache_limit": "1 GB",
        "validation": {"fraction": 0.2, "strategy": "random", "seed": 1},
        "test": {"fraction": 0.1},
    },
    "model": {
        "use": "mlp",
        "hidden": [4],
        "activation": {"use": "elu", "alpha": 0.5},
        "initialization": "auto",
        "dropout": 0.1,
        "impute": "mean",
        "embedding": "one_hot",
        "loss": {"use": "cross_entropy", "label_smoothing": 0.1},
    },
    "training": {
        "max_epochs": 2,
        "batch_size": 16,
        "optimizer": {"use": "adamw", "learning_rate": 0.01, "weight_decay": 0.01},
        "schedule": {"use": "warm_up", "fraction": 0.1, "then": {"use": "cosine"}},
        "early_stopping": {"patience": 2, "min_delta": 0.0, "fraction": 0.2, "restore_best": True},
        "members_per_chunk": 2,
        "row_memory": "1 MB",
        "shuffle": True,
        "checkpoint": {"seconds": 60.0, "every_epochs": 1, "keep": 2, "on_error": "stop"},
        "workflow": {"use": "gradient_descent"},
    },
    "validation": {"use": "kfold", "n_splits": 2, "shuffle": True},
    "metrics": {"use": ["accuracy", {"use": "log_loss"}]},
    "hooks": {"use": []},
    "search": {
        "strategy": "grid",
        "metric": "accuracy",
        "better": "higher",
        "space": {"training.batch_size": [8, 16], "model": {"hidden": [[4], [8, 4]], "dropout": [0.0, 0.2]}},
    },
}
_NUMBERS: dict[str, object] = {
    "data": {"use": "csv", "path": ["rows.csv"], "target": ["amount"], "group": "group", "drop": ["kind"]},
    "backend": {"use": "metal", "device": "cpu"},
    "model": {
        "use": "mlp",
        "hidden": [],
        "embedding": "embedding",
        "embedding_size": 2,
        "loss": {"use": "huber", "delta": 1.0},
    },
    "training": {
        "max_epochs": 1,
        "optimizer": {"use": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        "row_memory": 4096,
    },
    "validation": "kfold",
    "metrics": ["rmse"],
    "search": {
        "strategy": {"use": "random", "trials": 3},
        "space": {"training.optimizer.learning_rate": {"low": 0.001, "high": 0.1, "log": True}, "seed": [1, 2]},
    },
}
# What the record of a training need not repeat as it is given: paths, the chosen backend, what other commands use.
_NOT_COMPARED = {
    "data.path",
    "data.cache_folder",
    "search",
    "backend",
    "validation",
    "hooks",
    "engine",
    "training.members_per_chunk",
}
_LONG = ("max_epochs", "trials", "hidden", "batch_size", "embedding_size", "every_steps", "n_splits", "n_repeats")

Tables = dict[str, object]


def prepare(place: Path) -> Callable[[Case], Verdict]:
    """Return the judge of run files."""
    import_once()
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 48)).round(3)
    lines = ["a,b,colour,group,weight,kind,amount"]
    for row in range(48):
        kind = "yes" if a[row] > b[row] else "no"
        colour = ("red", "green", "blue")[row % 3]
        lines.append(f"{a[row]},{b[row]},{colour},{row // 4},{1 + row % 2},{kind},{a[row] - b[row]:.3f}")
    rows = place / "rows.csv"
    rows.write_text("\n".join(lines) + "\n")
    return lambda case: _judged(case, rows)


def _judged(case: Case, rows: Path) -> Verdict:
    random = case.random
    (case.place / "rows.csv").symlink_to(rows)
    base = random.choice([_CLASSES, _NUMBERS])
    content, tables, what = _mutated(random, base)
    (case.place / "run.toml").write_bytes(content)
    command = "check" if tables is None else random.choices(["check", "train", "validate"], [90, 7, 3])[0]
    if command != "check" and any(_long(tables, base)):
        command = "check"
    runs = ["--runs", case.place / "runs"] if command != "check" else []
    done = called(
        case.place, command, "run.toml", *runs, may_write=[case.place / "runs", *_cache_folders(tables, case)]
    )
    problem = problem_of(done, statuses=(0, 2) if command == "check" else (0, 1, 2))
    if done.status or problem:
        outcome = "refused" if done.status == 2 else "failed" if done.status else "accepted"
        return Verdict(what=f"{command}: {what}", outcome=outcome, problem=problem)
    if tables is not None and (unknown := next(_unknown_keys(tables), "")):
        problem = f"it accepts {unknown!r}, which is no option"
    elif command == "train":
        problem = _ignored(tables, case.place / "runs")
    return Verdict(what=f"{command}: {what}", outcome="accepted", problem=problem)


def _mutated(random: Random, base: Tables) -> tuple[bytes, Tables | None, str]:
    """Return a run file, its tables if they are those of the file, and what was done."""
    if random.random() < 0.2:
        content, what = damaged(random, tomli_w.dumps(base).encode())
        return content, None, f"bytes: {what}"
    tables, what = changed_tree(random, base)
    if random.random() < 0.2:
        tables, more = changed_tree(random, tables)
        what = f"{what}; {more}"
    tables = _without_none(tables)
    try:
        text = tomli_w.dumps(tables)
        return text.encode(), tables if tomllib.loads(text) == tables else None, what
    except (TypeError, ValueError, AttributeError):  # not a table at the top, or lone surrogates
        return repr(tables).encode("utf-8", "replace"), None, what


def _without_none(value: object) -> object:
    """Return tables and lists without the None in them, which TOML does not have."""
    if isinstance(value, dict):
        return {str(key): _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value if one is not None] if isinstance(value, list) else value


def _long(tables: Tables, base: Tables) -> Iterator[bool]:
    """Yield whether an option that decides how long a run takes is another than in the base."""
    given, usual = dict(_leaves(tables)), dict(_leaves(base))
    for path, value in given.items():
        if any(name in path for name in _LONG):
            yield usual.get(path) != value


def _cache_folders(tables: Tables | None, case: Case) -> list[Path]:
    """Return the folder that the run file itself names for the cache."""
    data = tables.get("data") if tables else None
    folder = data.get("cache_folder") if isinstance(data, Mapping) else None
    return [case.place / folder] if isinstance(folder, str) else []


def _unknown_keys(tables: object, path: str = "") -> Iterator[str]:
    if isinstance(tables, Mapping):
        for key, value in tables.items():
            if key in UNKNOWN and path not in ("data.types", "search.space"):
                yield f"{path}.{key}"[:80]
            yield from _unknown_keys(value, f"{path}.{key}".strip("."))


def _ignored(given: Tables, runs: Path) -> str:
    """Return a problem if the record of a run has another value of an option than its run file, or none."""
    (folder,) = runs.iterdir()
    recorded = dict(_leaves(tomllib.loads((folder / "config.toml").read_text())))
    for path, value in _leaves(spelt_out(given)):
        if any(path == one or path.startswith(f"{one}.") for one in _NOT_COMPARED):
            continue
        path = path if path in recorded else f"{path}.use"  # noqa: PLW2901 - a component given by its name
        found = recorded.get(path)
        if found not in (value, [value]) and value != [] and value == value:  # noqa: PLR0124 - NaN equals nothing
            return f"{path} is {value!r:.60} in the run file, but {found!r:.60} in the record"
    report = json.loads((folder / "result.json").read_text())
    return "" if math.isfinite(report["train"]["loss"]) else "its loss is not a number"


def _leaves(tables: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(tables, Mapping):
        for key, value in tables.items():
            yield from _leaves(value, f"{path}.{key}".strip("."))
    elif isinstance(tables, list) and any(isinstance(one, Mapping) for one in tables):
        for place, value in enumerate(tables):
            yield from _leaves(value, f"{path}.{place}")
    else:
        yield path, tables


if __name__ == "__main__":
    sys.exit(main("run files", cases=10_000, prepare=prepare))
