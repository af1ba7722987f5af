"""Fuzzes checkpoints: a damaged one is noticed, and the run goes on from the one before it to the same result."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from shutil import copytree

import attrs
import numpy as np
from base_runs import killed_run, outcome
from harness import Case, Verdict, in_child, main
from mutations import changed_tree, damaged
from sandbox import called, problem_of

from gmcore.storage.checkpoint import FORMAT
from gmcore.storage.sealed import opened, sealed

_KEY = "gmcore_checkpoint"
_ODD_FLOATS = (math.nan, math.inf, 3e38, -3e38, 0.0)
_ODD_INTEGERS = (-1, 5, 4096, 2**31 - 1, -(2**31))
_DTYPES = (np.float64, np.float16, np.int32, np.int64, np.bool_)


@attrs.frozen(kw_only=True)
class Base:
    """A killed run, and what it comes to when it is resumed undamaged."""

    folder: Path
    outcome: dict[str, object]


def prepare(place: Path) -> Callable[[Case], Verdict]:
    """Make a killed run, and return the judge of its damaged checkpoints."""
    folder, whole = killed_run(place, "train", seed=3), place / "whole"
    copytree(folder, whole)
    in_child(lambda: _resumed(place, whole))
    base = Base(folder=folder, outcome=outcome(whole))
    return lambda case: _judged(case, base)


def _resumed(place: Path, run: Path) -> None:
    done = called(place, "resume", run, may_write=[run])
    assert done.status == 0, done.stderr


def _judged(case: Case, base: Base) -> Verdict:
    run = copytree(base.folder, case.place / "run")
    files = sorted((run / "checkpoints").iterdir())
    some = files if case.random.random() < 0.3 else files[-1:]
    done_to = [_damage(case.random, path.read_bytes()) for path in some]
    for path, (content, _, _) in zip(some, done_to, strict=True):
        path.write_bytes(content)
    what = "; ".join(one for _, one, _ in done_to)
    expected = "any" if any(one == "any" for _, _, one in done_to) else "same"
    done = called(case.place, "resume", run, may_write=[run])
    problem = problem_of(done, statuses=(0, 1, 2))
    what = f"{len(some)} of {len(files)}: {what}"
    if done.status or problem:
        return Verdict(
            what=what,
            outcome="refused" if done.status == 2 else "failed" if done.status else "accepted",
            problem=problem,
        )
    found = outcome(run)
    if expected == "same" and found != base.outcome:
        problem = "the result differs from that of the undamaged run"
    elif not math.isfinite(found["train"]["loss"]):
        problem = "its loss is not a number"
    return Verdict(what=what, outcome="accepted", problem=problem)


def _damage(random: Random, content: bytes) -> tuple[bytes, str, str]:
    """Return a damaged checkpoint, what was done, and whether its run must still come to the same result."""
    kind = random.randrange(3)
    if kind == 0:
        found, what = damaged(random, content)
        return found, f"bytes: {what}", "same"
    arrays, header = opened(content, key=_KEY, known=FORMAT, what="")
    if kind == 1:
        changed, what = changed_tree(random, header)
        # Sealed anew, a file that lies about where training stands is another checkpoint.
        return _sealed(arrays, changed), f"header: {what}", "any"
    name = random.choice(sorted(arrays))
    what, expected = _changed(random, arrays, header, name)
    return _sealed(arrays, header), f"arrays: {name} {what}", expected


def _changed(random: Random, arrays: dict[str, np.ndarray], header: dict[str, object], name: str) -> tuple[str, str]:
    array = arrays[name]
    kind = random.randrange(5)
    if kind == 0:
        odd = random.choice(_ODD_INTEGERS if array.dtype.kind in "iu" else _ODD_FLOATS)
        arrays[name] = np.full(array.shape, odd).astype(array.dtype) if array.dtype.kind != "b" else ~array
        return f"has {odd}", "any"
    if kind == 1:
        with np.errstate(all="ignore"):
            arrays[name] = array.astype(random.choice(_DTYPES))
        return f"as {arrays[name].dtype}", "same" if arrays[name].dtype != array.dtype else "any"
    if kind == 2:
        flat = array.reshape(-1)
        arrays[name] = np.ascontiguousarray(
            random.choice([array[None], array[..., None], flat[:-1], np.repeat(array, 2), flat[:0]])
        )
        return f"of shape {list(arrays[name].shape)}", "same" if arrays[name].shape != array.shape else "any"
    if kind == 3:
        del arrays[name]
        header["order"].remove(name)
        return "removed", "same"
    other = random.choice(["carry.x", "state", "x", f"{name}.x", "." * 150, "carry.params.\x1b"])
    arrays[other] = array
    header["order"].append(other)
    return f"again as {other!r:.40}", "same"


def _sealed(arrays: dict[str, np.ndarray], header: dict[str, object]) -> bytes:
    try:
        return b"".join(sealed(arrays, key=_KEY, about={"format": FORMAT, **header}))
    except UnicodeEncodeError:  # a file can't have it either
        return json.dumps(sorted(arrays)).encode()


if __name__ == "__main__":
    sys.exit(main("checkpoints", cases=250, prepare=prepare))
