"""Rows that are stored are the rows that are read, or are said to be damaged."""

import json
import multiprocessing
import os
import shutil

import numpy as np
import pytest

from gmcore.domain import Feature, Kind, Schema, Target, TargetKind
from gmcore.errors import DataError, OutputError
from gmcore.training import row_store
from gmcore.training.row_store import RowWriter, open_rows, put_rows
from gmcore.training.scratch import cache_folder, scratch_folder

SCHEMA = Schema(
    features=(Feature(name="a"), Feature(name="b", kind=Kind.CATEGORICAL, categories=("u", "ü"))),
    target=Target(names=("y",), kind=TargetKind.BINARY, classes=("no", "yes")),
    time="t",
)
COUNT = 1000
ARRAYS = {
    "inputs.numeric": np.random.default_rng(0).normal(size=(COUNT, 1)),
    "inputs.categorical": np.arange(COUNT, dtype=np.int32)[:, None] % 3,
    "targets": np.arange(COUNT, dtype=np.int32) % 2,
    "time": np.arange(COUNT).astype("datetime64[us]"),
}


def write(folder, step=COUNT, arrays=ARRAYS):
    writer = RowWriter(folder)
    for start in range(0, COUNT, step):
        for name, array in arrays.items():
            writer.append(name, array[start : start + step])
    writer.finish(SCHEMA, {"columns": ["a", "b"]})


def flat(rows):
    return {
        **{f"inputs.{name}": array for name, array in rows.inputs.items()},
        "targets": rows.targets,
        "time": rows.time,
    }


@pytest.mark.parametrize("step", [1, 7, COUNT])
def test_what_is_written_in_any_pieces_is_read(tmp_path, step):
    write(tmp_path / "rows", step)
    stored = open_rows(tmp_path / "rows")
    assert stored.about == {"columns": ["a", "b"]}
    assert stored.rows.schema == SCHEMA
    assert (stored.rows.weights, stored.rows.groups) == (None, None)
    for name, array in flat(stored.rows).items():
        assert isinstance(array, np.memmap)
        assert array.dtype == ARRAYS[name].dtype
        assert np.array_equal(array, ARRAYS[name])
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


def cut_short(path):
    os.truncate(path, path.stat().st_size - 1)


def made_longer(path):
    path.write_bytes(path.read_bytes()[:-8] + b"x" * 16)


def made_an_object(path):
    with path.open("wb") as file:
        np.save(file, np.array([{}] * COUNT), allow_pickle=True)


def emptied(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [flipped, cut_short, made_longer, made_an_object, emptied, os.unlink])
@pytest.mark.parametrize("name", ["0.npy", "3.npy", "rows.json"])
def test_damage_is_said(tmp_path, name, harm):
    write(tmp_path / "rows")
    harm(tmp_path / "rows" / name)
    with pytest.raises(DataError, match=f"the rows in {tmp_path / 'rows'} are damaged: "):
        open_rows(tmp_path / "rows")


def test_what_was_copied_elsewhere_is_as_good(tmp_path):
    write(tmp_path / "rows")
    shutil.copytree(tmp_path / "rows", tmp_path / "copy")
    assert np.array_equal(open_rows(tmp_path / "copy").rows.targets, ARRAYS["targets"])


def test_another_format_is_no_store_of_this_one(tmp_path, monkeypatch):
    monkeypatch.setattr(row_store, "FORMAT", 99)
    write(tmp_path / "rows")
    monkeypatch.undo()
    with pytest.raises(DataError, match="format 99, this gmcore reads format 1"):
        open_rows(tmp_path / "rows")


def test_facts_that_were_edited_are_not_believed(tmp_path):
    write(tmp_path / "rows")
    path = tmp_path / "rows" / "rows.json"
    told = json.loads(path.read_text())
    told["facts"]["schema"]["target"]["classes"] = ["yes", "no"]
    path.write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"rows\.json has another content"):
        open_rows(tmp_path / "rows")


@pytest.mark.parametrize(
    ("rows", "found"),
    [(np.zeros((2, 2)), r"float64\[2\]"), (np.zeros((2, 1), np.float32), r"float32\[1\]")],
)
def test_rows_that_are_not_like_the_ones_before_are_refused(tmp_path, rows, found):
    writer = RowWriter(tmp_path / "rows")
    writer.append("inputs.numeric", np.zeros((3, 1)))
    with pytest.raises(ValueError, match=rf"must be float64\[1\] as the ones before, got {found}"):
        writer.append("inputs.numeric", rows)
    writer.abandon()


def test_objects_are_never_written(tmp_path):
    writer = RowWriter(tmp_path / "rows")
    with pytest.raises(ValueError, match="numbers, texts or instants, got object"):
        writer.append("targets", np.array([None, 1]))
    writer.abandon()


def test_a_store_that_is_not_finished_is_not_there(tmp_path):
    writer = RowWriter(tmp_path / "rows")
    writer.append("targets", ARRAYS["targets"])
    with pytest.raises(DataError, match=r"rows\.json is missing"):
        open_rows(tmp_path / "rows")
    writer.abandon()


def test_a_place_that_takes_nothing_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot keep rows in"):
        RowWriter(tmp_path / "file" / "rows").append("targets", ARRAYS["targets"])
    with pytest.raises(OutputError, match="cannot write to"), scratch_folder(tmp_path / "file" / "scratch"):
        pass


def put(parent, folder, times=1):
    for _ in range(times):
        with scratch_folder(parent) as scratch:
            write(scratch / "rows")
            put_rows(scratch / "rows", folder)


def test_one_that_is_sound_stays_and_one_that_is_damaged_gives_way(tmp_path):
    put(tmp_path, tmp_path / "rows")
    before = (tmp_path / "rows").stat().st_ino
    mapped = open_rows(tmp_path / "rows").rows
    put(tmp_path, tmp_path / "rows")
    assert (tmp_path / "rows").stat().st_ino == before
    flipped(tmp_path / "rows" / "rows.json")
    put(tmp_path, tmp_path / "rows")
    assert np.array_equal(open_rows(tmp_path / "rows").rows.targets, ARRAYS["targets"])
    assert np.array_equal(mapped.inputs["numeric"], ARRAYS["inputs.numeric"])
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]


def test_processes_that_put_the_same_rows_at_once_do_not_break_each_other(tmp_path):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=put, args=(tmp_path, tmp_path / "rows", 10)) for _ in range(3)]
    for other in others:
        other.start()
    for _ in range(20):
        put(tmp_path, tmp_path / "rows")
        assert np.array_equal(open_rows(tmp_path / "rows").rows.targets, ARRAYS["targets"])
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]


def test_scratch_is_gone_afterwards_also_that_of_a_process_that_died(tmp_path):
    (tmp_path / ".dead.part").mkdir()
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as other:
        assert sorted(tmp_path.iterdir()) == sorted([one, other])
        (one / "file").write_text("text")
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_where_the_system_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "gmcore"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "gmcore"
