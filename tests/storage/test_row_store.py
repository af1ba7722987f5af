"""Stored rows are read back unchanged, or reported as damaged."""

import json
import multiprocessing
import os
import shutil
from pathlib import Path

import attrs
import numpy as np
import pytest

from gmcore.domain import Feature, Kind, Rows, Schema, Target, TargetKind
from gmcore.errors import DataError, OutputError
from gmcore.storage import row_store
from gmcore.storage.array_file import ArrayFile
from gmcore.storage.kept_rows import kept_rows
from gmcore.storage.row_store import open_rows, write_rows
from gmcore.storage.temporary import cache_folder, temporary_folder

SCHEMA = Schema(
    features=(
        Feature(name="a"),
        Feature(name="b", kind=Kind.CATEGORICAL, categories=("u", "ü")),
        Feature(name="d", kind=Kind.DATETIME, date_format="%d.%m.%Y"),
    ),
    target=Target(names=("y",), kind=TargetKind.BINARY, classes=("no", "yes")),
    time="t",
)
COUNT = 1000
ROWS = Rows(
    schema=SCHEMA,
    inputs={
        "numeric": np.random.default_rng(0).normal(size=(COUNT, 1)),
        "categorical": np.arange(COUNT, dtype=np.int32)[:, None] % 3,
        "datetime": np.arange(2 * COUNT, dtype=np.int32).reshape(COUNT, 1, 2),
    },
    targets=np.arange(COUNT, dtype=np.int32) % 2,
    time=np.arange(COUNT).astype("datetime64[us]"),
)


def write(folder, step=COUNT):
    write_rows(folder, ROWS.blocks(step), {"columns": ["a", "b"]})


def flat(rows):
    return {**rows.inputs, "targets": rows.targets, "time": rows.time}


@pytest.mark.parametrize("step", [1, 7, COUNT])
def test_what_is_written_in_any_pieces_is_read(tmp_path, step):
    write(tmp_path / "rows", step)
    stored = open_rows(tmp_path / "rows")
    assert stored.about == {"columns": ["a", "b"]}
    assert stored.rows.schema == SCHEMA
    assert (stored.rows.weights, stored.rows.groups) == (None, None)
    for name, array in flat(stored.rows).items():
        assert isinstance(array, np.memmap)
        assert array.dtype == flat(ROWS)[name].dtype
        assert np.array_equal(array, flat(ROWS)[name])
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]


def test_where_nothing_is_there_are_no_rows(tmp_path):
    assert open_rows(tmp_path / "rows") is None


def flipped(path):
    with path.open("r+b") as file:
        file.seek(-5, os.SEEK_END)
        byte = file.read(1)
        file.seek(-5, os.SEEK_END)
        file.write(bytes([byte[0] ^ 1]))


def flipped_in_secret(path):
    """Change a byte and set the time of the change back, as an archiver or a faulty drive might."""
    before = path.stat()
    flipped(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (before.st_mtime_ns, before.st_size)


def cut_short(path):
    os.truncate(path, path.stat().st_size - 1)


def made_longer(path):
    path.write_bytes(path.read_bytes()[:-8] + b"x" * 16)


def made_an_object(path):
    with path.open("wb") as file:
        np.save(file, np.array([{}] * COUNT), allow_pickle=True)


def emptied(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "harm", [flipped, flipped_in_secret, cut_short, made_longer, made_an_object, emptied, os.unlink]
)
@pytest.mark.parametrize("name", ["0.npy", "3.npy", "rows.json"])
def test_damage_is_said(tmp_path, name, harm):
    write(tmp_path / "rows")
    harm(tmp_path / "rows" / name)
    with pytest.raises(DataError, match=f"the rows in {tmp_path / 'rows'} are damaged: "):
        open_rows(tmp_path / "rows")


def test_the_bytes_of_the_rows_with_another_dtype_are_damage(tmp_path):
    write(tmp_path / "rows")
    path = tmp_path / "rows" / "0.npy"
    np.save(path, np.load(path).view(np.uint64))
    with pytest.raises(DataError, match=r"0\.npy is <u8\[1000, 1\], not <f8\[1000, 1\]"):
        open_rows(tmp_path / "rows")


def test_files_that_nobody_touched_are_not_read_to_check_them(tmp_path, monkeypatch):
    hashed = []
    monkeypatch.setattr(row_store, "rows_sha256", lambda array: hashed.append(len(array)) or "")
    write(tmp_path / "rows")
    assert open_rows(tmp_path / "rows") is not None
    assert hashed == []


def test_what_was_copied_elsewhere_is_as_good(tmp_path):
    write(tmp_path / "rows")
    shutil.copytree(tmp_path / "rows", tmp_path / "copy")
    assert np.array_equal(open_rows(tmp_path / "copy").rows.targets, ROWS.targets)


def test_another_format_is_no_store_of_this_one(tmp_path, monkeypatch):
    monkeypatch.setattr(row_store, "FORMAT", 99)
    write(tmp_path / "rows")
    monkeypatch.undo()
    with pytest.raises(DataError, match="format 99, this gmcore reads format 2"):
        open_rows(tmp_path / "rows")


def test_facts_that_were_edited_are_not_believed(tmp_path):
    write(tmp_path / "rows")
    path = tmp_path / "rows" / "rows.json"
    told = json.loads(path.read_text())
    told["facts"]["schema"]["target"]["classes"] = ["yes", "no"]
    path.write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"rows\.json has changed since it was written"):
        open_rows(tmp_path / "rows")


NUMBERS = np.zeros((3, 1))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"inputs": {"numeric": np.zeros((2, 2))}}, r"must be float64\[1\], like the first ones, got float64\[2\]"),
        ({"inputs": {"numeric": np.zeros((2, 1), np.float32)}}, "like the first ones, got float32"),
        ({"inputs": {"numeric": NUMBERS}, "weights": np.ones(3)}, "must have the columns of the first one"),
        ({"inputs": {"numeric": np.array([[None], [1]])}}, "like the first ones, got object"),
        ({"inputs": {"numeric": NUMBERS}, "schema": attrs.evolve(SCHEMA, time="u")}, "columns of the first one"),
    ],
)
def test_rows_that_are_not_like_the_ones_before_are_refused(tmp_path, other, message):
    blocks = [Rows(schema=SCHEMA, inputs={"numeric": NUMBERS}), Rows(**{"schema": SCHEMA, **other})]
    with pytest.raises(ValueError, match=message):
        write_rows(tmp_path / "rows", blocks, {})


def test_objects_are_never_written(tmp_path):
    with pytest.raises(ValueError, match="numbers, strings or dates, got dtype object"):
        write_rows(tmp_path / "rows", [Rows(schema=SCHEMA, inputs={"numeric": np.array([[None], [1]])})], {})


def test_no_rows_are_no_store(tmp_path):
    with pytest.raises(ValueError, match="no rows to write"):
        write_rows(tmp_path / "rows", [], {})


def half():
    yield next(ROWS.blocks(10))
    raise InterruptedError


def test_a_store_that_was_not_finished_is_damaged(tmp_path):
    with pytest.raises(InterruptedError):
        write_rows(tmp_path / "rows", half(), {})
    with pytest.raises(DataError, match=r"rows\.json is missing"):
        open_rows(tmp_path / "rows")


def test_what_fails_while_it_is_made_leaves_nothing_behind(tmp_path):
    with pytest.raises(InterruptedError):
        kept_rows(tmp_path / "rows", lambda _: (half(), {}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_an_output_error(tmp_path, monkeypatch):
    monkeypatch.setattr(row_store, "ArrayFile", lambda path: ArrayFile(Path("/dev/full")))
    with pytest.raises(OutputError, match=r"cannot write rows to .*: No space left on device"):
        write(tmp_path / "rows")


def test_a_place_that_takes_nothing_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write rows to"):
        write(tmp_path / "file" / "rows")
    with pytest.raises(OutputError, match="cannot write to"), temporary_folder(tmp_path / "file" / "scratch"):
        pass


def keep(folder, times=1, say=str):
    for _ in range(times):
        found = kept_rows(folder, lambda _: (ROWS.blocks(300), {"columns": []}), say=say)
        assert np.array_equal(found.rows.targets, ROWS.targets)


def test_what_is_sound_is_kept_and_what_is_damaged_is_made_again_and_said(tmp_path):
    said = []
    keep(tmp_path / "rows", say=said.append)
    before = (tmp_path / "rows").stat().st_ino
    mapped = open_rows(tmp_path / "rows").rows
    keep(tmp_path / "rows", say=said.append)
    assert (tmp_path / "rows").stat().st_ino == before
    assert said == []
    flipped(tmp_path / "rows" / "1.npy")
    keep(tmp_path / "rows", say=said.append)
    (text,) = said
    assert text.endswith("the content of 1.npy has changed since it was written; rebuilding them")
    assert np.array_equal(mapped.inputs["numeric"], ROWS.inputs["numeric"])
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]


def test_processes_that_make_the_same_rows_at_once_do_not_break_each_other(tmp_path):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=keep, args=(tmp_path / "rows", 10)) for _ in range(3)]
    for other in others:
        other.start()
    keep(tmp_path / "rows", 20)
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]


def test_of_two_that_were_made_at_once_the_first_stays(tmp_path):
    inner = []

    def make(_):
        keep(tmp_path / "rows")
        inner.append((tmp_path / "rows").stat().st_ino)
        return ROWS.blocks(), {"columns": ["mine"]}

    found = kept_rows(tmp_path / "rows", make)
    assert found.about == {"columns": []}
    assert [(tmp_path / "rows").stat().st_ino] == inner


def test_scratch_is_gone_afterwards_also_that_of_a_process_that_died(tmp_path):
    (tmp_path / ".dead.part").mkdir()
    with temporary_folder(tmp_path) as one, temporary_folder(tmp_path) as other:
        assert sorted(tmp_path.iterdir()) == sorted([one, other])
        (one / "file").write_text("text")
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_where_the_system_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "gmcore"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "gmcore"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "gmcore"


def test_without_a_home_the_variable_is_named(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(OutputError, match="no home folder for the cache: set XDG_CACHE_HOME"):
        cache_folder()


def test_the_folders_above_a_store_are_created(tmp_path):
    write(tmp_path / "new" / "folder" / "rows")
    assert len(open_rows(tmp_path / "new" / "folder" / "rows").rows) == COUNT
