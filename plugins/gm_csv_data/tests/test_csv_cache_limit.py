"""How much is kept: what was used longest ago goes first, and what is in use never does."""

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
from gm_csv_data.cache_limit import CacheLimit, default_limit

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
    """Write three files of one size and different content."""
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
    """Keep the rows of a file that nobody uses any more, as if that was so long ago; return the entry's name."""
    before = kept(files) if (files / "kept").exists() else set()
    opened(files, name, **options)
    gc.collect()
    (entry,) = kept(files) - before
    if used is not None:
        os.utime(files / "kept" / "csv" / f"{entry}.used", (used, used))
    return entry


def size(files):
    return sum(file.stat().st_size for entry in kept(files) for file in (files / "kept" / "csv" / entry).iterdir())


def test_what_was_used_longest_ago_goes_first(files):
    first, second = made(files, "a", used=1000), made(files, "b", used=2000)
    opened(files, "a")  # used again, now
    gc.collect()
    third = made(files, "c", cache_limit=int(2.5 * size(files) / 2))
    assert kept(files) == {first, third}
    assert not (files / "kept" / "csv" / f"{second}.used").exists()


def test_within_the_limit_nothing_goes(files):
    entries = {made(files, name, cache_limit=10**6) for name in "abc"}
    assert kept(files) == entries


def test_what_this_process_uses_stays_until_it_does_not(files):
    data = opened(files, "a")
    assert len(kept(files)) == 1
    made(files, "b", cache_limit=1)
    assert len(kept(files)) == 2  # itself, too, was in use then
    del data
    gc.collect()
    third = made(files, "c", cache_limit=1)
    assert kept(files) == {third}


def test_what_another_process_uses_stays_until_it_ends(files):
    command = [sys.executable, "-c", HOLD, str(files / "a.csv"), str(files / "kept")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        (held,) = kept(files)
        made(files, "b", used=1000)
        made(files, "c", cache_limit=1)
        assert held in kept(files)
        told, _ = process.communicate("\n")
    assert float(told) == pytest.approx(opened(files, "a", cache_limit=1).rows().inputs["numeric"].sum())
    gc.collect()
    assert len(kept(files)) == 1


def test_a_limit_smaller_than_a_file_keeps_it_while_it_is_used(files):
    data = opened(files, "a", cache_limit=1)
    assert len(kept(files)) == 1
    assert isinstance(data.rows().inputs["numeric"], np.memmap)


def churn(files, names, times):
    for _ in range(times):
        for name in names:
            rows = opened(files, name, cache_limit=1).rows()
            assert rows.inputs["numeric"][3, 0] == float(f"3.{ord(name)}")


def test_processes_that_make_room_do_not_break_each_other(files):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=churn, args=(files, names, 8)) for names in ("abc", "cab")]
    for other in others:
        other.start()
    churn(files, "bca", 8)
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0]
    gc.collect()
    assert len(kept(files)) <= 3
    assert not list((files / "kept" / "csv").glob(".*.part"))


def test_what_cannot_be_marked_is_read_nevertheless(files):
    entry = made(files, "a")
    mark = files / "kept" / "csv" / f"{entry}.used"
    mark.unlink()
    mark.mkdir()
    assert len(opened(files, "a", cache_limit=1).rows()) == 200
    assert kept(files) == {entry}


def test_a_mark_without_an_entry_is_removed(files):
    place = files / "kept" / "csv"
    made(files, "a")
    (place / "gone.used").write_text("")
    assert CacheLimit(place=place, limit=10**9).shrink() == (0, 0)
    assert not (place / "gone.used").exists()


def test_what_a_kill_left_of_a_removed_entry_is_removed_by_the_next_that_makes_one(files):
    entry = made(files, "a")
    place = files / "kept" / "csv"
    (place / entry).rename(place / ".0123.part")
    made(files, "b")
    assert not (place / ".0123.part").exists()


def test_the_default_is_a_tenth_of_the_disk_and_10_gb_at_most(tmp_path):
    total = shutil.disk_usage(tmp_path).total
    assert default_limit(tmp_path / "not" / "there") == min(10**10, total // 10)


def test_where_rows_are_kept_how_much_room_there_is_and_what_went_is_told(files, caplog):
    caplog.set_level(logging.INFO, "gmcore.csv")
    made(files, "a", used=1000)
    assert caplog.messages[-1].startswith(f"rows are kept in {files / 'kept' / 'csv'}, ")
    assert "used longest ago" not in caplog.text
    opened(files, "b", cache_limit="1 kB")
    assert " of 1,000 bytes at most (cache_limit)" in caplog.messages[-1]
    assert "removed what was used longest ago, " in caplog.messages[-2]


@pytest.mark.parametrize("limit", [0, -1, "much", "5"])
def test_a_limit_that_is_no_size_is_refused(limit):
    with pytest.raises(ValueError, match="cache_limit must be a number of bytes above 0 or a text such as '200 MB'"):
        CSVDataProvider(path="a.csv", cache_limit=limit)
