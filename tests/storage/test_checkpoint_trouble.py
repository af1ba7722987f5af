"""Checkpoints that are damaged, foreign, from another version, or can't be written."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gmcore.domain import CheckpointConfig, Hooks, Snapshot
from gmcore.errors import InputError, ModelFileError, OutputError
from gmcore.storage import checkpoint
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.files import alone_in, write_whole


def save(store, snapshot):
    store.save(snapshot)
    store.wait()


def snapshot(epoch, *, chunk=0, size=4):
    arrays = {
        "carry": {"w": np.full(size, epoch, np.float32)},
        "state": {"active": np.ones(2, bool)},
        "history": np.zeros((0, 8, 2)),
    }
    return Snapshot(chunk=chunk, members=(0, 1), epoch=epoch, step=0, done=False, seconds=1.5, arrays=arrays)


def store_in(folder, keep=2, on_error="stop", told=None):
    say = told.append if told is not None else lambda _: None
    return Checkpoints(folder=folder, config=CheckpointConfig(keep=keep, on_error=on_error), say=say)


def epochs_in(folder):
    return sorted(int(path.name.split("-")[2]) for path in folder.iterdir())


def spoil(folder, *epochs):
    for path in folder.iterdir():
        if int(path.name.split("-")[2]) in epochs:
            path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("keep", [1, 2])
def test_damaged_later_ones_never_push_out_a_new_one(tmp_path, keep):
    for epoch in (3, 4, 5):
        save(store_in(tmp_path, keep=9), snapshot(epoch))
    spoil(tmp_path, 4, 5)
    store = store_in(tmp_path, keep=keep)
    assert store.load(0).epoch == 3
    save(store, snapshot(4))
    assert epochs_in(tmp_path) == [3, 4][-keep:]
    assert store.load(0).epoch == 4


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"PK\x03\x04", b"\xff" * 9, b"{}" * 40, bytes(range(256))])
def test_garbage_in_a_checkpoints_place_is_damage(tmp_path, content):
    told = []
    store = store_in(tmp_path, told=told)
    save(store, snapshot(1))
    (tmp_path / "chunk-00000-00000002-00000000.safetensors").write_bytes(content)
    assert store.load(0).epoch == 1
    assert len(told) == 1
    assert "is damaged" in told[0]


def test_where_all_are_damaged_people_decide(tmp_path):
    store = store_in(tmp_path)
    for epoch in (1, 2):
        save(store, snapshot(epoch))
        save(store, snapshot(epoch, chunk=1))
    for path in tmp_path.glob("chunk-00001-*"):
        path.write_bytes(b"garbage")
    assert store.load(0).epoch == 2
    with pytest.raises(ModelFileError, match=r"no earlier checkpoint is intact: .*remove .*chunk-00001-\*"):
        store.load(1)
    assert store.load(2) is None


def test_a_checkpoint_of_another_format_is_named_with_both(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    save(store_in(tmp_path), snapshot(1))
    monkeypatch.undo()
    with pytest.raises(
        ModelFileError, match=r"by a later version of gmcore \(format 99; this version reads format \d+\)"
    ):
        store_in(tmp_path).load(0)


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    for name in ("chunk-notes.txt", "chunk-x-y-z.safetensors", "chunk-00000.safetensors", ".hidden"):
        (tmp_path / name).write_text("mine")
    store = store_in(tmp_path, keep=1)
    for epoch in (1, 2):
        save(store, snapshot(epoch))
    assert [one.epoch for one in store.latest()] == [2]
    assert len(list(tmp_path.iterdir())) == 5


def test_a_folder_that_is_a_file_is_no_place_to_read(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="cannot read"):
        store_in(tmp_path / "taken").load(0)


def test_a_failure_ends_the_run_or_is_told_once_and_once_when_it_is_over(tmp_path):
    place, told, saved = tmp_path / "taken", [], []
    place.write_text("a file")
    with pytest.raises(OutputError, match="cannot write"):
        save(store_in(place), snapshot(1))
    config = CheckpointConfig(on_error="continue")
    store = Checkpoints(folder=place, config=config, say=told.append, hooks=Hooks(checkpoint_saved=(saved.append,)))
    save(store, snapshot(1))
    save(store, snapshot(2))
    assert len(told) == 1
    assert saved == []
    place.unlink()
    save(store, snapshot(3))
    save(store, snapshot(4))
    assert told[1:] == ["checkpoints can be written again"]
    assert [moment.epoch for moment in saved] == [3, 4]


def test_a_failed_save_is_tried_again_when_the_next_is_due_and_not_at_every_step(tmp_path):
    (tmp_path / "taken").write_text("a file")
    config = CheckpointConfig(seconds=3600, every_epochs=2, on_error="continue")
    store = Checkpoints(folder=tmp_path / "taken", config=config)
    save(store, snapshot(2))
    assert [store.due(epoch=epoch, step=0) for epoch in (3, 4)] == [False, True]
    assert not store.due(epoch=4, step=1)


LIMITED = """
import numpy as np, resource, sys
from pathlib import Path
if {limit}:
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
sys.path.insert(0, {tests!r})
from test_checkpoint_trouble import epochs_in, save, snapshot, store_in
folder, told = Path({folder!r}), []
store = store_in(folder, on_error="continue", told=told)
save(store, snapshot(1))
save(store, snapshot(2, size=100_000))
save(store, snapshot(3, size=100_000))
assert epochs_in(folder) == [1], sorted(folder.iterdir())
assert store.load(0).epoch == 1
save(store, snapshot(4))
assert epochs_in(folder) == [1, 4]
assert len(told) == 2, told
print(told[0])
"""


def child(code, folder, before=(), limit=0):
    code = code.format(tests=str(Path(__file__).parent), folder=str(folder), limit=limit)
    command = [*before, sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_write_that_the_system_cuts_short_leaves_nothing_of_itself(tmp_path):
    assert "File too large" in child(LIMITED, tmp_path, limit=50_000)


def mounted(folder, options):
    """Return the prefix of a command that mounts a file system at `folder`; skip if that is not permitted."""
    before = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'mount -t tmpfs {options} t {folder} && exec "$@"']
    try:
        allowed = subprocess.run([*before, "sh", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("this user can't mount a file system")
    return [*before, "sh"]


def test_a_disk_that_is_full_keeps_the_checkpoints_it_has(tmp_path):
    assert "No space left on device" in child(LIMITED, tmp_path, before=mounted(tmp_path, "-o size=128k"))


def test_a_disk_that_is_read_only_is_told(tmp_path):
    code = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_checkpoint_trouble import save, snapshot, store_in
from gmcore.errors import OutputError
try:
    save(store_in(Path({folder!r})), snapshot(1))
except OutputError as error:
    print(error)
"""
    assert "Read-only file system" in child(code, tmp_path, before=mounted(tmp_path, "-o ro"))


def test_a_run_folder_is_one_processs_at_a_time_and_the_next_ones_when_it_is_killed(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from gmcore.storage.files import alone_in
with alone_in(Path({str(tmp_path)!r})):
    print("in", flush=True)
    signal.pause()
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"in\n"
    with pytest.raises(InputError, match="in use by another process"), alone_in(tmp_path):
        pass
    other.kill()
    other.wait()
    other.stdout.close()
    with alone_in(tmp_path), pytest.raises(InputError, match="in use"), alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        pass


def test_an_unfinished_file_of_a_living_process_is_left_to_it(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from gmcore.storage import files
_, handle = files._open_partial(Path({str(tmp_path)!r}, "model"))
print("writing", flush=True)
signal.pause()
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"writing\n"
    write_whole(tmp_path / "mine", b"content")
    assert len(list(tmp_path.iterdir())) == 2
    other.kill()
    other.wait()
    other.stdout.close()
    write_whole(tmp_path / "mine", b"content")
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]
