"""Fuzzes model files: damaged ones are refused, and one that is accepted predicts what it says."""

import csv
import functools
import io
import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import attrs
import numpy as np
from harness import Case, Verdict, in_child, main
from mutations import changed_tree, damaged
from safetensors.numpy import save
from sandbox import Called, called, import_once, problem_of

from gmcore.app import open_run
from gmcore.app.commands.train import train
from gmcore.storage.model_file import FORMAT
from gmcore.storage.sealed import opened, sealed

_ROWS = """\
a,b,c,{target}
{lines}
"""
_ODD_FLOATS = (math.nan, math.inf, -math.inf, 3e38, -3e38, 1e30, 0.0, -0.0, 1e-40)
_ODD_INTEGERS = (-1, -2, 1, 3, 8, 255, 4096, 2**31 - 1, -(2**31))
_DTYPES = (np.float64, np.float16, np.int32, np.int64, np.uint8, np.bool_)
# Where another value of a file's header is another model or another way to read rows; elsewhere it changes nothing.
_OTHER_MODEL = ("model", "schema", "data", "dtype", "precision")

Arrays = dict[str, np.ndarray]
Header = dict[str, object]


@attrs.frozen(kw_only=True)
class Base:
    """An undamaged model file, and what it predicts."""

    content: bytes
    rows: Path
    predictions: str


def prepare(place: Path) -> Callable[[Case], Verdict]:
    """Train two small models, and return the judge of their damaged files."""
    import_once()
    for name, encoding in (("classes", "one_hot"), ("numbers", "embedding")):
        in_child(functools.partial(_train, place / name, encoding))
    bases = [
        Base(**json.loads((place / name / "base.json").read_text()) | _paths(place / name))
        for name in ("classes", "numbers")
    ]
    return lambda case: _judged(case, bases)


def _paths(folder: Path) -> dict[str, object]:
    return {"content": (folder / "model.safetensors").read_bytes(), "rows": folder / "rows.csv"}


def _train(folder: Path, encoding: str) -> None:
    folder.mkdir()
    points = np.random.default_rng(0).normal(size=(40, 2)).round(4)
    target = [("yes" if a > b else "no") if encoding == "one_hot" else a - b for a, b in points]
    lines = [f"{a},{b},{('red', 'green', 'blue')[row % 3]},{target[row]}" for row, (a, b) in enumerate(points)]
    (folder / "rows.csv").write_text(_ROWS.format(target="y", lines="\n".join(lines)))
    tables = {
        "backend": {"use": "metal", "device": "cpu"},
        "data": {"use": "csv", "path": str(folder / "rows.csv"), "target": "y"},
        "model": {"use": "mlp", "hidden": [4], "embedding": encoding, "dropout": 0.1},
        "training": {"max_epochs": 2},
    }
    train(open_run(tables)).model.save(folder / "model.safetensors")
    done = _predict(folder, folder / "model.safetensors", folder / "rows.csv")
    assert done.status == 0, done.stderr
    (folder / "base.json").write_text(json.dumps({"predictions": done.stdout}))


def _predict(place: Path, model: Path, rows: Path, backend: str = "metal") -> Called:
    return called(place, "predict", model, rows, "--backend", backend)


def _judged(case: Case, bases: list[Base]) -> Verdict:
    random = case.random
    base, other = random.sample(bases, 2)
    mutate = random.choice([_bytes, _bytes, _claims, _arrays, _arrays, _header, _header, _header])
    content, what, expected = mutate(random, base, other)
    path = case.place / "model.safetensors"
    path.write_bytes(content)
    done = _predict(case.place, path, base.rows, "jax" if case.number % 50 == 49 else "metal")
    problem = problem_of(done)
    if done.status or problem:
        return Verdict(what=what, outcome="refused" if done.status else "accepted", problem=problem)
    if expected == "refused" and content != base.content:
        problem = "it must be refused"
    if expected == "same" and done.stdout != base.predictions and case.number % 50 != 49:
        problem = "its predictions differ from those of the undamaged file"
    return Verdict(what=what, outcome="accepted", problem=problem or _nonsense(done.stdout))


def _nonsense(text: str) -> str:
    """Return what is wrong with predictions in themselves."""
    head, *rows = csv.reader(io.StringIO(text))
    if len(rows) != 40 or any(len(row) != len(head) for row in rows):
        return f"it predicts {len(rows)} rows of 40"
    numbers = np.array([[float(cell) for cell in (row[1:] if len(head) > 1 else row)] for row in rows])
    if not np.isfinite(numbers).all():
        return "it predicts numbers that are not finite"
    if len(head) > 1 and not np.allclose(numbers.sum(axis=1), 1, atol=1e-3):
        return "its probabilities do not add up to 1"
    return ""


def _bytes(random: Random, base: Base, _: Base) -> tuple[bytes, str, str]:
    content, what = damaged(random, base.content)
    return content, f"bytes: {what}", "refused"


def _claims(random: Random, base: Base, _: Base) -> tuple[bytes, str, str]:
    """Change the safetensors header, which claims names, dtypes, shapes and offsets, and leave the checksum."""
    size = int.from_bytes(base.content[:8], "little")
    header, what = changed_tree(random, json.loads(base.content[8 : 8 + size]))
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    length = random.choice([len(text), len(text), len(text), len(text) + 1, 2**62, 2**64 - 1, 0])
    return length.to_bytes(8, "little") + text + base.content[8 + size :], f"claims: {what}, {length} bytes", "refused"


def _arrays(random: Random, base: Base, other: Base) -> tuple[bytes, str, str]:
    """Change one array, and seal the file again."""
    arrays, header = opened(base.content, key="gmcore", known=FORMAT, what="")
    name = random.choice(sorted(arrays))
    change = random.choice([_put, _put, _put, _cast, _reshape, _drop, _double, _exchange, _foreign])
    what, expected = change(random, arrays, header, name, other)
    return _sealed(arrays, header), f"arrays: {name} {what}", expected


def _header(random: Random, base: Base, _: Base) -> tuple[bytes, str, str]:
    """Change the header, and seal the file again."""
    arrays, header = opened(base.content, key="gmcore", known=FORMAT, what="")
    changed, what = changed_tree(random, header)
    head = what.split(" ", 1)
    touched = [key for key in {*header, *changed} if json.dumps(header.get(key)) != json.dumps(changed.get(key))]
    expected = "any" if any(key in _OTHER_MODEL for key in touched) else "same"
    return _sealed(arrays, changed), f"header: {' '.join(head)}", expected


def _sealed(arrays: Arrays, header: Mapping[str, object]) -> bytes:
    whole = {"format": FORMAT, **header}
    try:
        return b"".join(sealed(arrays, key="gmcore", about=whole))
    except UnicodeEncodeError:  # a file can't have it either
        return save(arrays)


def _put(random: Random, arrays: Arrays, _: Header, name: str, __: Base) -> tuple[str, str]:
    array = arrays[name] = arrays[name].copy()
    value = random.choice(_ODD_INTEGERS if array.dtype.kind in "iu" else _ODD_FLOATS)
    with np.errstate(all="ignore"):
        array.reshape(-1)[random.randrange(array.size) if random.random() < 0.7 else slice(None)] = value
    return f"has {value}", "any" if np.isfinite(value) else "refused"


def _cast(random: Random, arrays: Arrays, _: Header, name: str, __: Base) -> tuple[str, str]:
    dtype = random.choice(_DTYPES)
    before = arrays[name]
    with np.errstate(all="ignore"):
        arrays[name] = before.astype(dtype)
    same_kind = before.dtype.kind == arrays[name].dtype.kind
    exact = bool((arrays[name].astype(before.dtype) == before).all())
    return f"as {dtype.__name__}", "refused" if not same_kind else "same" if exact else "any"


def _reshape(random: Random, arrays: Arrays, _: Header, name: str, __: Base) -> tuple[str, str]:
    array = arrays[name]
    flat = array.reshape(-1)
    shapes = [flat[:-1], array[..., None], array[None], flat, array.T, flat[:0], np.repeat(array, 2)]
    arrays[name] = np.ascontiguousarray(random.choice(shapes))
    what = f"of shape {list(arrays[name].shape)}"
    return what, "any" if arrays[name].shape == array.shape else "refused"


def _drop(random: Random, arrays: Arrays, header: Header, name: str, _: Base) -> tuple[str, str]:
    del arrays[name]
    if random.random() < 0.7:
        header["order"].remove(name)
    return "removed", "refused"


def _double(random: Random, arrays: Arrays, header: Header, name: str, _: Base) -> tuple[str, str]:
    new = random.choice(
        [f"{name}.x", f"{name}2", "params", "state.x", "", ".", "." * 200, "params.\x1b", "x" * 5000, "buffers."]
    )
    arrays[new] = arrays[name]
    if random.random() < 0.7:
        header["order"].append(new)
    return f"again as {new!r:.40}", "refused"


def _exchange(random: Random, arrays: Arrays, header: Header, name: str, _: Base) -> tuple[str, str]:
    second = random.choice(sorted(arrays))
    arrays[name], arrays[second] = arrays[second], arrays[name]
    return f"exchanged with {second}", "any"


def _foreign(random: Random, arrays: Arrays, header: Header, name: str, other: Base) -> tuple[str, str]:
    theirs, their_header = opened(other.content, key="gmcore", known=FORMAT, what="")
    if random.random() < 0.5:
        arrays.clear()
        arrays.update(theirs)
        header["order"] = their_header["order"]
        return "and all others from another model", "refused"
    entry = random.choice(["model", "schema", "data", "order"])
    header[entry] = their_header[entry]
    return f"with {entry} of another model", "any"


if __name__ == "__main__":
    sys.exit(main("model files", cases=2400, prepare=prepare))
