"""The size limit of the cache: least recently used entries are removed first, entries in use never."""

import gc
import logging
import multiprocessing
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from gm_csv_data import CSVDataProvider
from gm_csv_data.cache.cache_limit import CacheLimit, default_limit

HOLD = """
import sys
from pathlib import Path
from gm_csv_data import CSVDataProvider
rows = CSVDataProvider(path=Path(sys.argv[1]), target="y", cache=True, cache_folder=sys.argv[2]).rows()
print("held", flush=True)
sys.stdin.readline()
print(rows.inputs["numeric"].sum())
"""


@pytest.fixture
def files(tmp_path):
    """Write three files of equal size and different content."""
    for name in "abc":
        lines = [f"{place}.{ord(name)},{'pq'[place % 2]}" for place in range(200)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["x,y", *lines, ""]))
    return tmp_path


def opened(files, name, **options):
    data = CSVDataProvider(path=files / f"{name}.csv", target="y", cache=True, cache_folder=files / "kept", **options)
    data.rows()
    return data


def kept(files):
    return {path.name for path in (files / "kept" / "csv").iterdir() if (path / "rows.json").exists()}


def made(files, name, used=None, **options):
    """Cache and release the rows of a file, set the time of their last use if given, and return the entry's name."""
    before = kept(files) if (files / "kept").exists() else set()
    opened(files, name, **options)
    gc.collect()
    (entry,) = kept(files) - before
    if used is not None:
        os.utime(files / "kept" / "csv" / f"{entry}.used", (used, used))
    return entry


def size(files):
    return sum(file.stat().st_size for entry in kept(files) for file in (files / "kept" / "csv" / entry).iterdir())


def test_the_least_recently_used_entry_is_removed_first(files):
    first, second = made(files, "a", used=1000), made(files, "b", used=2000)
    opened(files, "a")  # used again, now
    gc.collect()
    third = made(files, "c", cache_limit=int(2.5 * size(files) / 2))
    assert kept(files) == {first, third}
    assert not (files / "kept" / "csv" / f"{second}.used").exists()


def test_nothing_is_removed_within_the_limit(files):
    entries = {made(files, name, cache_limit=10**6) for name in "abc"}
    assert kept(files) == entries


def test_an_entry_used_by_this_process_is_kept_until_it_is_released(files):
    data = opened(files, "a")
    assert len(kept(files)) == 1
    made(files, "b", cache_limit=1)
    assert len(kept(files)) == 2  # the new entry was in use, too
    del data
    gc.collect()
    third = made(files, "c", cache_limit=1)
    assert kept(files) == {third}


def test_an_entry_used_by_another_process_is_kept_until_that_ends(files):
    command = [sys.executable, "-c", HOLD, str(files / "a.csv"), str(files / "kept")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        (held,) = kept(files)
        made(files, "b", used=1000)
        made(files, "c", cache_limit=1)
        assert held in kept(files)
        total, _ = process.communicate("\n")
    assert float(total) == pytest.approx(opened(files, "a", cache_limit=1).rows().inputs["numeric"].sum())
    gc.collect()
    assert len(kept(files)) == 1


def test_an_entry_larger_than_the_limit_is_kept_while_it_is_used(files):
    data = opened(files, "a", cache_limit=1)
    assert len(kept(files)) == 1
    assert isinstance(data.rows().inputs["numeric"], np.memmap)


def churn(files, names, times):
    for _ in range(times):
        for name in names:
            rows = opened(files, name, cache_limit=1).rows()
            assert rows.inputs["numeric"][3, 0] == float(f"3.{ord(name)}")


def test_processes_can_remove_entries_at_the_same_time(files):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=churn, args=(files, names, 8)) for names in ("cab",)]
    for other in others:
        other.start()
    churn(files, "bca", 8)
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0]
    gc.collect()
    assert len(kept(files)) <= 3
    assert not list((files / "kept" / "csv").glob(".*.part"))


def test_an_entry_whose_mark_cannot_be_written_is_read_all_the_same(files):
    entry = made(files, "a")
    mark = files / "kept" / "csv" / f"{entry}.used"
    mark.unlink()
    mark.mkdir()
    assert len(opened(files, "a", cache_limit=1).rows()) == 200
    assert kept(files) == {entry}


def test_a_mark_without_an_entry_is_removed(files):
    place = files / "kept" / "csv"
    made(files, "a")
    (place / "absent.used").write_text("")
    assert CacheLimit(place=place, limit=10**9).shrink() == (0, 0)
    assert not (place / "absent.used").exists()


def test_the_rest_of_an_interrupted_removal_is_removed_when_the_next_entry_is_built(files):
    entry = made(files, "a")
    place = files / "kept" / "csv"
    (place / entry).rename(place / ".0123.part")
    made(files, "b")
    assert not (place / ".0123.part").exists()


def test_the_default_limit_is_a_tenth_of_the_disk_and_at_most_10_gb(tmp_path):
    total = shutil.disk_usage(tmp_path).total
    assert default_limit(tmp_path / "not" / "there") == min(10**10, total // 10)


def test_the_cache_its_size_and_removals_are_logged(files, caplog):
    caplog.set_level(logging.INFO, "gmcore.csv")
    made(files, "a", used=1000)
    assert caplog.messages[-1].startswith(f"rows are kept in {files / 'kept' / 'csv'}, ")
    assert "least recently used" not in caplog.text
    opened(files, "b", cache_limit="1 kB")
    assert " of at most 1.0 KB (cache_limit)" in caplog.messages[-1]
    assert "removed the least recently used rows, " in caplog.messages[-2]


@pytest.mark.parametrize("limit", [0, -1, "much", "5"])
def test_an_invalid_limit_is_rejected(limit):
    with pytest.raises(ValueError, match="cache_limit must be a positive number of bytes or a string such as '200 MB'"):
        CSVDataProvider(path="a.csv", cache_limit=limit)
