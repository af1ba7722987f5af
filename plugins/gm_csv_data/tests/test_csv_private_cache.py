"""The cache belongs to one user: owner-only files, sealed with a key of the user, and unusable for others."""

import hashlib
import json
import os
import stat
import subprocess
import sys
import time

import attrs
import numpy as np
import pytest
from gm_csv_data import CSVDataProvider
from gm_csv_data.cache import content

from gmcore.storage import private

READ = """
import os, sys
from gm_csv_data import CSVDataProvider
# Import what is imported late: the other user may have no access to the interpreter's files.
for cache in (False, True):
    CSVDataProvider(path=sys.argv[2], target="y", cache=cache, cache_folder=sys.argv[3]).rows()
os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
cache = {"True": True, "auto": "auto"}[sys.argv[4]]
rows = CSVDataProvider(path=sys.argv[2], target="y", cache=cache, cache_folder=sys.argv[3]).rows()
print(type(rows.inputs["numeric"]).__name__, rows.inputs["numeric"].sum())
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,y\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in range(20)))
    return path


def rows(path, **options):
    options = {"cache": True, "cache_folder": path.parent / "kept"} | options
    return CSVDataProvider(path=path, target="y", **options).rows()


def entry(path):
    (found,) = [one.parent for one in (path.parent / "kept" / "csv").glob("*/rows.json")]
    return found


def test_folders_and_files_are_closed_to_others(path, monkeypatch):
    later = time.time_ns() + 10**10
    monkeypatch.setattr(content.time, "time_ns", lambda: later)  # old enough for its hash to be cached
    before = os.umask(0)
    try:
        rows(path)
    finally:
        os.umask(before)
    place = path.parent / "kept" / "csv"
    found = [place, *place.rglob("*")]
    assert {one.name for one in found} >= {"hashes", "key", "rows.json", "rows.seal", "0.npy"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in found if one.is_dir()} == {0o700}
    assert {stat.S_IMODE(one.stat().st_mode) for one in found if not one.is_dir()} == {0o600}


def test_a_folder_that_was_open_is_closed_before_it_is_read(path):
    place = path.parent / "kept" / "csv"
    place.mkdir(parents=True)
    place.chmod(0o777)
    rows(path)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_files_closed_to_others_need_no_new_hash(path, monkeypatch):
    rows(path)
    made = entry(path).stat().st_ino
    monkeypatch.setattr("gmcore.storage.row_store.rows_sha256", None)
    assert rows(path).inputs["numeric"].sum() == 190
    assert entry(path).stat().st_ino == made


def resealed(folder):
    """Change a value, and make all checksums of the store right again."""
    array = np.load(folder / "0.npy", mmap_mode="r+")
    array[0, 0] = 1000
    array.flush()
    sealed = json.loads((folder / "rows.json").read_text())
    about = (folder / "0.npy").stat()
    name = next(name for name, one in sealed["facts"]["arrays"].items() if one["file"] == "0.npy")
    stamp = [about.st_size, about.st_ino, about.st_mtime_ns, about.st_ctime_ns]
    sealed["facts"]["arrays"][name] |= {"stamp": stamp, "sha256": hashlib.sha256(array.tobytes()).hexdigest()}
    sealed["sha256"] = hashlib.sha256(json.dumps(sealed["facts"], sort_keys=True).encode()).hexdigest()
    (folder / "rows.json").write_text(json.dumps(sealed, sort_keys=True))


def test_a_resealed_entry_is_rebuilt(path, caplog):
    rows(path)
    resealed(entry(path))
    assert rows(path).inputs["numeric"].sum() == 190
    assert "were changed or not written by this user; rebuilding them" in caplog.text


def test_an_entry_without_seal_is_rebuilt(path, caplog):
    rows(path)
    (entry(path) / "rows.seal").unlink()
    assert rows(path).inputs["numeric"].sum() == 190
    assert "were changed or not written by this user; rebuilding them" in caplog.text


def test_a_key_that_others_could_read_is_replaced(path, caplog):
    rows(path)
    key = path.parent / "kept" / "csv" / "key"
    before = key.read_bytes()
    key.chmod(0o644)
    rows(path)
    assert key.read_bytes() != before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "rebuilding them" in caplog.text


def test_a_key_is_made_once(tmp_path):
    assert private.user_key(tmp_path) == private.user_key(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["key"]


def test_a_changed_hash_of_a_file_is_not_believed(path, monkeypatch):
    later = time.time_ns() + 10**10
    monkeypatch.setattr(content.time, "time_ns", lambda: later)
    rows(path)
    (note,) = (path.parent / "kept" / "csv" / "hashes").glob("*.json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"sha256": "0" * 64}))
    data = CSVDataProvider(path=path, target="y", cache=True, cache_folder=path.parent / "kept")
    assert data.metadata["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize(("mode", "cache", "found"), [(0o1777, "True", "memmap"), (0o755, "auto", "ndarray")])
def test_another_user_can_read_the_file_but_not_the_cache(path, mode, cache, found):
    rows(path)
    kept = path.parent / "kept"
    kept.chmod(mode)
    for folder in list(path.parents)[:-2]:
        folder.chmod(folder.stat().st_mode | 0o055)
    arguments = [sys.executable, "-c", READ, "65533", str(path), str(kept), cache]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout == f"{found} 190.0\n", done.stderr
    assert rows(path).inputs["numeric"].sum() == 190


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
def test_a_file_of_another_user_in_an_entry_is_not_read(path, caplog):
    rows(path)
    os.chown(entry(path) / "0.npy", 65533, 65533)
    assert rows(path).inputs["numeric"].sum() == 190
    assert "were changed or not written by this user; rebuilding them" in caplog.text


def test_options_of_this_machine_are_marked_as_local():
    local = {field.name for field in attrs.fields(CSVDataProvider) if field.metadata.get("local")}
    assert local == {"path", "cache_folder", "cache_limit"}
