"""After a power cut between any two system calls of a save, durable files exist and no file is partial."""

import hashlib
import os

import attrs
import numpy as np
import pytest

from gmcore.domain import CheckpointConfig, Snapshot
from gmcore.errors import ModelFileError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.epoch_log import forget_after
from gmcore.storage.files import make_folder, write_whole
from gmcore.storage.kept_rows import kept_rows
from gmcore.storage.model_file import read_model, write_model
from gmcore.storage.row_store import open_rows
from gmcore.storage.run_folder import RunFolder
from gmcore.testing import recorded, two_moons
from gmcore.testing.fakes import TinyModel


def save(store, snapshot):
    store.save(snapshot)
    store.wait()


def snapshot(step, *, done=False, chunk=0):
    arrays = {
        "carry": {"w": np.full((2, 3), step, np.float32)},
        "state": {"active": np.ones(2, bool)},
        "history": np.zeros((0, 8, 2)),
    }
    return Snapshot(chunk=chunk, members=(0, 1), epoch=step, step=0, done=done, seconds=1.5, arrays=arrays)


def store_in(folder, keep=2, told=None):
    say = told.append if told is not None else lambda _: None
    return Checkpoints(folder=folder, config=CheckpointConfig(keep=keep), say=say)


def restored(crash, tmp_path):
    """Return a new folder with the files that the crash left."""
    folder = tmp_path / f"crash-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    crash.restore(folder)
    return folder


@pytest.mark.parametrize("keep", [1, 2])
def test_after_any_cut_the_last_checkpoint_that_was_saved_is_there_or_the_next(tmp_path, keep):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "status.json").write_text("{}")
    store, steps = store_in(tmp_path / "run" / "checkpoints", keep), (1, 2, 3, 4)
    with recorded(tmp_path / "run") as recording:
        for step in steps:
            save(store, snapshot(step, done=step == steps[-1]))
            recording.mark(step)
    crashes = list(recording.crashes())
    assert len(crashes) > 40
    for crash in crashes:
        folder, told = restored(crash, tmp_path), []
        found = store_in(folder / "checkpoints", keep, told).load(0)
        durable = crash.marks[-1] if crash.marks else 0
        assert (found.epoch if found else 0) in (durable, durable + 1), crash
        assert told == [], crash
        assert not found or (found.arrays["carry"]["w"] == found.epoch).all()


def test_the_save_after_a_cut_clears_up(tmp_path):
    (tmp_path / "run").mkdir()
    with recorded(tmp_path / "run") as recording:
        for step in (1, 2, 3):
            save(store_in(tmp_path / "run" / "checkpoints"), snapshot(step))
    lefts = set()
    for crash in recording.crashes():
        lefts |= {name for name in crash.files if name.endswith(".part")}
        folder = restored(crash, tmp_path)
        save(store_in(folder / "checkpoints"), snapshot(9))
        names = sorted(path.name for path in (folder / "checkpoints").iterdir())
        assert 1 <= len(names) <= 2, crash
        assert all(name.startswith("chunk-00000-") for name in names)
    assert lefts, "no cut left an unfinished file, so nothing was tested"


@pytest.mark.parametrize("before", [None, b"the old content"])
def test_a_file_is_the_old_one_or_the_new_one(tmp_path, before):
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "file"
    if before is not None:
        path.write_bytes(before)
    with recorded(tmp_path / "folder") as recording:
        write_whole(path, b"the new content")
        recording.mark("written")
    for crash in recording.crashes():
        assert crash.files.get("file") in ([b"the new content"] if crash.marks else [before, b"the new content"])


def test_a_folder_with_those_above_it_is_durable(tmp_path):
    with recorded(tmp_path) as recording:
        make_folder(tmp_path / "a" / "b" / "c")
        recording.mark("made")
    assert all("a/b/c" in crash.files for crash in recording.crashes() if crash.marks)


def test_a_folder_that_another_process_has_just_made_is_durable_too(tmp_path):
    with recorded(tmp_path) as recording:
        (tmp_path / "a").mkdir()
        make_folder(tmp_path / "a")
        recording.mark("made")
    assert all("a" in crash.files for crash in recording.crashes() if crash.marks)


def test_a_run_folder_is_all_there_once_it_is_made_and_each_of_its_files_is_whole_before(tmp_path):
    with recorded(tmp_path) as recording:
        made = RunFolder.create(tmp_path / "runs", "iris", config="seed = 1\n", provenance={"format": 1})
        recording.mark("made")
        made.tell("done")
        recording.mark("done")
    checksum = hashlib.sha256(b"seed = 1\n").hexdigest()
    whole = {
        "config.toml": {b"seed = 1\n"},
        "provenance.json": {f'{{\n  "format": 1,\n  "config_sha256": "{checksum}"\n}}\n'.encode()},
        "status.json": {b'{\n  "status": "running"\n}\n', b'{\n  "status": "done"\n}\n'},
    }
    for crash in recording.crashes():
        files = {os.path.basename(name): held for name, held in crash.files.items() if held is not None}  # noqa: PTH119
        assert all(files[name] in known for name, known in whole.items() if name in files)
        assert not crash.marks or set(whole) <= set(files)
        assert "done" not in crash.marks or b"done" in files["status.json"]


def test_a_model_file_is_never_a_part_of_one(tmp_path):
    (tmp_path / "run").mkdir()
    model = TinyModel(schema=two_moons(10).schema)
    variables = model.init(np.random.default_rng(0))
    with recorded(tmp_path / "run") as recording:
        write_model(tmp_path / "run" / "model.safetensors", variables, schema=model.schema)
        recording.mark("written")
    whole = (tmp_path / "run" / "model.safetensors").read_bytes()
    for crash in recording.crashes():
        folder = restored(crash, tmp_path)
        if crash.marks:
            assert (folder / "model.safetensors").read_bytes() == whole
        elif not (folder / "model.safetensors").exists():
            with pytest.raises(ModelFileError, match="cannot read"):
                read_model(folder / "model.safetensors")


def test_the_log_of_epochs_is_never_behind_a_checkpoint(tmp_path):
    from gmcore.storage.files import append, make_durable  # noqa: PLC0415

    (tmp_path / "run").mkdir()
    log = tmp_path / "run" / "metrics.jsonl"
    store = attrs.evolve(store_in(tmp_path / "run" / "checkpoints"), beforehand=lambda: make_durable(log))
    with recorded(tmp_path / "run") as recording:
        for step in (1, 2, 3):
            append(log, f'{{"epoch": {step}}}\n'.encode())
            save(store, snapshot(step))
    for crash in recording.crashes():
        found = store_in(restored(crash, tmp_path) / "checkpoints").load(0)
        lines = (crash.files.get("metrics.jsonl") or b"").split(b"\n")
        assert (
            not found or lines[: found.epoch] == [f'{{"epoch": {step}}}'.encode() for step in (1, 2, 3)][: found.epoch]
        )


def test_a_row_store_is_whole_or_absent_and_there_once_it_was_made(tmp_path):
    rows = attrs.evolve(two_moons(3), targets=None)
    with recorded(tmp_path) as recording:
        kept_rows(tmp_path / "rows", lambda _: (rows.blocks(2), {}))
        recording.mark("made")
    states = [crash for crash in recording.crashes() if crash.marks or "rows" in crash.files]
    assert any(not crash.marks for crash in states)
    for number, crash in enumerate(states):
        (folder := tmp_path / f"crash-{number}").mkdir()
        crash.restore(folder)
        stored = open_rows(folder / "rows")
        assert stored is not None, crash
        np.testing.assert_array_equal(stored.rows.inputs["numeric"], rows.inputs["numeric"])


def test_a_log_that_is_trimmed_is_the_old_one_or_the_new_one(tmp_path):
    (tmp_path / "run").mkdir()
    log = tmp_path / "run" / "metrics.jsonl"
    lines = [f'{{"epoch": {epoch}, "members": [0]}}\n'.encode() for epoch in (1, 2, 3)]
    log.write_bytes(b"".join(lines))
    with recorded(tmp_path / "run") as recording:
        forget_after(log, {(0,): 2})
        recording.mark("trimmed")
    old, new = b"".join(lines), b"".join(lines[:2])
    for crash in recording.crashes():
        assert crash.files["metrics.jsonl"] in ([new] if crash.marks else [old, new])


class Careless(Checkpoints):
    """A store that does not flush its files, which the simulation must detect."""

    def save(self, snapshot):
        self.folder.mkdir(exist_ok=True)
        handle = os.open(
            self.folder / f"chunk-00000-{snapshot.epoch:08d}-00000000.safetensors", os.O_WRONLY | os.O_CREAT
        )
        os.write(handle, b"content")
        os.close(handle)


def test_the_simulation_finds_a_store_that_forgets_to_flush(tmp_path):
    (tmp_path / "run").mkdir()
    with recorded(tmp_path / "run") as recording:
        save(Careless(folder=tmp_path / "run" / "checkpoints", config=CheckpointConfig()), snapshot(1))
        recording.mark("saved")
    left = {tuple(sorted(crash.files.items())) for crash in recording.crashes() if crash.marks}
    name = "checkpoints/chunk-00000-00000001-00000000.safetensors"
    contents = {dict(files).get(name) for files in left}
    assert contents == {None, b"", b"c", b"con", b"conten", b"content", b"\0" * 7}


def test_changes_past_the_recorded_calls_are_noticed(tmp_path):
    (tmp_path / "file").write_text("before")
    with pytest.raises(AssertionError, match="not recorded"), recorded(tmp_path):
        (tmp_path / "file").write_text("after")
