"""A sealed folder returns what this user has written to it, and nothing else."""

import logging
import os
import re
import shutil
import stat
import threading

import pytest

from gmcore.errors import InputError
from gmcore.storage.sealed_folder import SealedFolder, programs_are_kept


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return SealedFolder.in_cache("things", limit=10_000)


def the_file(cache):
    (found,) = cache.folder.glob("*.sealed")
    return found


def test_what_is_put_is_got_by_its_name_also_by_another_process(cache):
    cache.put("jit_step-ab/c", b"program")
    assert cache.get("jit_step-ab/c") == b"program"
    again = SealedFolder.in_cache("things", limit=10_000)
    assert again.get("jit_step-ab/c") == b"program"
    assert again.get("jit_step-ab") is None
    (entry,) = again.entries()
    assert (entry.name, entry.content) == ("jit_step-ab/c", b"program")
    assert entry.path.read_bytes().startswith(b"program")


def test_all_is_closed_to_others(cache):
    before = os.umask(0)
    try:
        cache.put("a", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in cache.folder.iterdir()} == {0o600}


@pytest.mark.parametrize("place", [0, -1, -64, -65, -68, -69])
def test_one_changed_byte_and_the_entry_is_gone_with_one_line(place, cache, caplog):
    cache.put("a", b"content")
    cache.put("b", b"content")
    for path in cache.folder.glob("*.sealed"):
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING, "gmcore.cache"):
        assert cache.get("a") is None
        assert cache.get("b") is None
    (record,) = caplog.records
    assert "is damaged or was not written by this user" in record.message
    assert not list(cache.folder.glob("*.sealed"))


@pytest.mark.parametrize("kept", [0, 10, 64, 66, 70])
def test_a_truncated_entry_is_not_found(kept, cache):
    cache.put("a", b"content")
    os.truncate(the_file(cache), kept)
    assert cache.get("a") is None
    assert list(cache.entries()) == []


def test_what_is_no_file_is_not_read(cache):
    cache.put("a", b"content")
    place = the_file(cache)
    place.unlink()
    os.mkfifo(place)
    assert cache.get("a") is None


def test_an_entry_of_another_name_is_not_taken_for_this_one(cache):
    cache.put("a", b"content")
    theirs = the_file(cache)
    cache.put("b", b"other")
    (ours,) = set(cache.folder.glob("*.sealed")) - {theirs}
    theirs.replace(ours)
    assert cache.get("b") is None
    assert list(cache.entries()) == []


def test_an_entry_of_another_key_is_not_found(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    other = SealedFolder.in_cache("things", limit=10_000)
    other.put("a", b"poison")
    the_file(other).rename(cache.folder / the_file(other).name)
    assert cache.get("a") is None


def test_the_least_recently_read_entries_make_room(cache):
    for number in range(8):
        cache.put(str(number), bytes(1_000))
        os.utime(max(cache.folder.glob("*.sealed"), key=lambda path: path.stat().st_mtime_ns), (number, number))
    assert cache.get("0") is not None
    for number in range(8, 12):
        cache.put(str(number), bytes(1_000))
    assert cache.get("0") is not None
    assert cache.get("1") is None
    assert sum(path.stat().st_size for path in cache.folder.glob("*.sealed")) <= 10_000


def test_a_folder_that_cannot_be_written_keeps_nothing_and_says_so_once(cache, caplog):
    cache.folder.rename(cache.folder.with_name("away"))
    with caplog.at_level(logging.WARNING, "gmcore.cache"):
        cache.put("a", b"1")
        cache.put("b", b"1")
        assert cache.get("a") is None
    (record,) = caplog.records
    assert record.message == f"compiled programs are not kept: {cache.folder} is gone"


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda cache: cache.put("a", b"1"), "compiled programs are not kept: cannot write to {}: Not a directory"),
        (lambda cache: cache.get("a"), "cannot read {}/[0-9a-f]+\\.sealed: Not a directory"),
    ],
    ids=["put", "get"],
)
def test_a_file_in_the_place_of_the_folder_is_named_with_the_reason(use, message, cache, caplog):
    shutil.rmtree(cache.folder)
    cache.folder.write_text("no folder")
    with caplog.at_level(logging.WARNING, "gmcore.cache"):
        assert use(cache) is None
    (record,) = caplog.records
    assert re.fullmatch(message.format(re.escape(str(cache.folder))), record.message)


def test_without_a_home_there_is_no_folder_and_one_line(monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    with caplog.at_level(logging.WARNING, "gmcore.cache"):
        assert SealedFolder.in_cache("things", limit=1) is None
    (record,) = caplog.records
    assert record.message.startswith("compiled programs are not kept: ")


def test_many_threads_write_and_read_the_same_entries(cache):
    wrong = []

    def use(number):
        for turn in range(20):
            cache.put(str(turn % 5), b"x" * (turn % 5))
            found = cache.get(str(turn % 5))
            wrong.extend([(number, turn)] if found != b"x" * (turn % 5) else [])

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("value", ["yes", "no", "YES", "No", ""])
def test_programs_are_kept_unless_the_user_says_no(value, monkeypatch):
    monkeypatch.setenv("GMCORE_KEEP_PROGRAMS", value)
    assert programs_are_kept() == (value.lower() != "no")


@pytest.mark.parametrize("value", ["0", "true", " no"])
def test_another_value_than_yes_or_no_is_refused(value, monkeypatch):
    monkeypatch.setenv("GMCORE_KEEP_PROGRAMS", value)
    with pytest.raises(InputError, match=f"GMCORE_KEEP_PROGRAMS must be 'yes' or 'no', got '{value}'"):
        programs_are_kept()
