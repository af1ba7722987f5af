"""The cache of rows: built once, reused, verified, and bypassed where it can't be written."""

import logging
import multiprocessing
import os
import shutil
import time
import tracemalloc

import attrs
import numpy as np
import pytest
from gm_csv_data import CSVDataProvider, provider
from gm_csv_data.cache import content, row_cache

from gmcore.errors import DataError, OutputError
from gmcore.storage import row_store

TEXT = "a,b,c,y\n" + "".join(f"{i * 0.5},{'uvw'[i % 3]},{i % 2 == 0},{'pq'[i % 2]}\n" for i in range(60))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(TEXT)
    return path


def numbers(path, **options):
    return CSVDataProvider(path=path, **({"target": "y"} | options)).rows().inputs["numeric"]


def is_cached(rows):
    return all(isinstance(array, np.memmap) for array in rows.inputs.values())


def test_small_files_are_read_into_memory_and_large_ones_are_cached(path, monkeypatch):
    assert not is_cached(CSVDataProvider(path=path, target="y").rows())
    monkeypatch.setattr(provider, "_LARGE", len(TEXT))
    assert is_cached(CSVDataProvider(path=path, target="y").rows())
    assert not is_cached(CSVDataProvider(path=path, target="y", cache=False).rows())


def entries(folder):
    return sorted(path for path in (folder / "csv").iterdir() if path.is_dir() and path.name != "hashes")


def test_opening_cached_rows_takes_little_memory(tmp_path):
    path = tmp_path / "wide.csv"
    names = [*(f"x{place}" for place in range(40)), "y"]
    numbers = np.random.default_rng(0).normal(size=(5000, 41)).round(3).astype(str)
    path.write_text("\n".join(",".join(line) for line in [names, *numbers.tolist()]))
    options = {"target": "y", "cache": True}
    size = CSVDataProvider(path=path, **options).rows().inputs["numeric"].nbytes
    tracemalloc.start()
    data = CSVDataProvider(path=path, **options)
    data.rows()
    data.split()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 4


def test_the_cache_is_reused_for_the_same_content_and_options(path, tmp_path):
    kept = tmp_path / "kept"
    options = {"target": "y", "cache": True, "cache_folder": kept}
    CSVDataProvider(path=path, **options).rows()
    (entry,) = entries(kept)
    inode = entry.stat().st_ino
    moved = path.rename(path.with_name("moved.csv"))
    CSVDataProvider(path=moved, validation=None, **options).rows()
    assert [one.stat().st_ino for one in entries(kept)] == [inode]
    CSVDataProvider(path=moved, drop=("b",), **options).rows()
    moved.write_text(TEXT.replace("0.5", "0.25"))
    CSVDataProvider(path=moved, **options).rows()
    assert len(entries(kept)) == 3


def test_the_order_in_which_types_are_given_is_no_part_of_the_key(path, tmp_path):
    types = {"a": "categorical", "b": "categorical"}
    for given in (types, dict(reversed(types.items()))):
        CSVDataProvider(path=path, target="y", types=given, cache=True, cache_folder=tmp_path / "kept").rows()
    assert len(entries(tmp_path / "kept")) == 1


def test_every_option_that_rows_depend_on_is_part_of_the_key():
    options = {field.alias for field in attrs.fields(CSVDataProvider) if field.init}
    others = {"path", "validation", "test", "cache", "cache_folder", "cache_limit"}
    assert set(provider._DECIDING) == options - others


@pytest.mark.parametrize(
    ("module", "version"), [(row_cache.pl, "__version__"), (row_cache, "_FORMAT"), (row_store, "FORMAT")]
)
def test_rows_cached_by_another_version_are_not_used(module, version, path, tmp_path, monkeypatch):
    options = {"path": path, "target": "y", "cache": True, "cache_folder": tmp_path / "kept"}
    CSVDataProvider(**options).rows()
    monkeypatch.setattr(module, version, "another")
    CSVDataProvider(**options).rows()
    assert len(entries(tmp_path / "kept")) == 2


def test_progress_is_logged_while_rows_are_cached(path, caplog, monkeypatch):
    monkeypatch.setattr(row_cache, "_SECONDS", 0.0)
    caplog.set_level(logging.INFO)
    CSVDataProvider(path=path, target="y", cache=True).rows()
    assert "60 rows read" in caplog.text


def test_a_change_that_keeps_size_and_time_is_noticed(path, tmp_path):
    kept = tmp_path / "kept"
    os.utime(path, ns=(10**18, 10**18))
    first = CSVDataProvider(path=path, target="y", cache=True, cache_folder=kept).metadata["sha256"]
    path.write_text(TEXT.replace("0.5", "0.7"))
    os.utime(path, ns=(10**18, 10**18))
    assert CSVDataProvider(path=path, target="y", cache=True, cache_folder=kept).metadata["sha256"] != first


def test_a_file_that_changes_while_it_is_hashed_is_refused(path, monkeypatch):
    digest = content.hashlib.file_digest

    def changing(file, name):
        found = digest(file, name)
        path.write_text(TEXT + "1,u,True,p\n")
        return found

    monkeypatch.setattr(content.hashlib, "file_digest", changing)
    with pytest.raises(DataError, match="changed while it was being read"):
        _ = CSVDataProvider(path=path, target="y").metadata


def test_a_hash_is_cached_once_the_file_is_old_enough(path, tmp_path, monkeypatch):
    kept = tmp_path / "kept"

    def sha256():
        return CSVDataProvider(path=path, target="y", cache=True, cache_folder=kept).metadata["sha256"]

    first = sha256()
    assert not list(kept.glob("csv/hashes/*.json"))
    later = time.time_ns() + 10**10
    monkeypatch.setattr(content.time, "time_ns", lambda: later)
    assert sha256() == first
    (note,) = kept.glob("csv/hashes/*")
    monkeypatch.setattr(content.hashlib, "file_digest", None)
    assert sha256() == first
    note.write_text('{"stamp": []}')
    with pytest.raises(TypeError):
        sha256()


def test_a_damaged_cache_is_rebuilt_with_a_warning(path, tmp_path, caplog):
    options = {"target": "y", "cache": True, "cache_folder": tmp_path / "kept"}
    expected = np.array(numbers(path, **options))
    (entry,) = entries(tmp_path / "kept")
    for name, problem in (("0.npy", "are damaged: "), ("rows.json", "were changed or not written by this user")):
        with (entry / name).open("r+b") as file:
            file.truncate((entry / name).stat().st_size // 2)
        caplog.clear()
        assert np.array_equal(numbers(path, **options), expected)
        (text,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert problem in text
        assert text.endswith("; rebuilding them")
    assert entries(tmp_path / "kept") == [entry]


def test_a_rejected_file_leaves_nothing_in_the_cache(path, tmp_path):
    path.write_text(TEXT + "many,u,true,p\n")
    with pytest.raises(DataError, match="line 62, column 'a': 'many' is not a number"):
        CSVDataProvider(path=path, target="y", cache=True, cache_folder=tmp_path / "kept").rows()
    assert entries(tmp_path / "kept") == []


def test_a_file_that_changes_while_it_is_read_is_rejected(path, tmp_path, monkeypatch):
    whole = row_cache.RowCache._kept

    def written_to_meanwhile(self, source, options, read, encode):
        def reading(**arguments):
            table = read(**arguments)
            path.write_text(TEXT + "1,u,true,p\n")
            return table

        return whole(self, source, options, reading, encode)

    monkeypatch.setattr(row_cache.RowCache, "_kept", written_to_meanwhile)
    with pytest.raises(
        DataError, match=r"data\.csv changed while it was being read; try again when no program is writing to it"
    ):
        CSVDataProvider(path=path, target="y", cache=True, cache_folder=tmp_path / "kept").rows()
    assert entries(tmp_path / "kept") == []


def test_without_a_writable_cache_rows_are_in_memory_unless_the_cache_is_required(path, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(provider, "_LARGE", 1)
    options = {"target": "y", "cache_folder": tmp_path / "file"}
    assert not is_cached(CSVDataProvider(path=path, **options).rows())
    assert f"reading {path} into memory instead" in caplog.text
    with pytest.raises(OutputError, match="set cache_folder to another folder, or cache = false"):
        CSVDataProvider(path=path, cache=True, **options).rows()


def read(path, folder, times):
    for _ in range(times):
        rows = CSVDataProvider(path=path, target="y", cache=True, cache_folder=folder).rows()
        assert len(rows) == 60


def test_processes_can_read_one_file_at_the_same_time(path, tmp_path):
    kept = tmp_path / "kept"
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=read, args=(path, kept, 5)) for _ in range(2)]
    for other in others:
        other.start()
    read(path, kept, 5)
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0]
    assert len(entries(kept)) == 1


def test_rows_stay_valid_when_the_cache_is_deleted(path, tmp_path):
    data = CSVDataProvider(path=path, target="y", cache=True, cache_folder=tmp_path / "kept")
    rows = data.rows()
    shutil.rmtree(tmp_path / "kept")
    assert np.array_equal(rows.inputs["numeric"], numbers(path, cache=False))
