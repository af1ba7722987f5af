"""A run folder that can't be resumed: one clear message, exit status 2, and an unchanged folder."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from gmcore.app import open_run, train
from gmcore.app.commands.replay import replay
from gmcore.app.commands.resume import resume
from gmcore.cli.root import gmcore
from gmcore.domain import Hooks
from gmcore.errors import InputError
from gmcore.storage.files import alone_in

RUN = """
[data]
use = "csv"
path = "rows.csv"
target = "y"

[model]
use = "mlp"
hidden = [4]

[training]
max_epochs = 4
checkpoint = { seconds = inf, every_epochs = 1 }
"""


class Killed(KeyboardInterrupt):
    """A simulated kill."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Train until the third checkpoint, once for all tests."""
    place, seen = tmp_path_factory.mktemp("killed"), []
    points = np.random.default_rng(0).normal(size=(60, 2))
    lines = [f"{a},{b},{'yes' if a > b else 'no'}" for a, b in points]
    (place / "rows.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    (place / "run.toml").write_text(RUN)

    def count(moment):
        seen.append(moment)
        if len(seen) == 3:
            raise Killed

    with pytest.raises(Killed):
        train(open_run(place / "run.toml"), runs=place / "runs", hooks=Hooks(checkpoint_saved=(count,)))
    (folder,) = (place / "runs").iterdir()
    (folder / "status.json").write_text('{"status": "running"}')
    return folder


@pytest.fixture
def run(killed, tmp_path):
    """Return a copy of the killed run's folder."""
    return shutil.copytree(killed, tmp_path / "run")


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder):
    before = content(folder)
    done = CliRunner().invoke(gmcore, ["resume", str(folder)], catch_exceptions=False)
    assert done.exit_code == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert content(folder) == before
    return done.stderr


def edited(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def spoil_all(folder):
    for path in (folder / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1])


SPOILT = {
    "another version": (
        lambda run: edited(run / "provenance.json", format=99),
        ["by a later version of gmcore", "format 99; this version reads format 2", "update gmcore"],
    ),
    "another command": (lambda run: edited(run / "provenance.json", command="dream"), ["gmcore dream"]),
    "done": (lambda run: edited(run / "status.json", status="done"), ["has finished, so it can't be resumed"]),
    "an earlier version": (
        lambda run: edited(run / "provenance.json", format=1),
        ["by an older version of gmcore", "format 1; this version reads format 2", "train with its config.toml again"],
    ),
    "no config.toml": (lambda run: (run / "config.toml").unlink(), ["is not a run folder: it has no config.toml"]),
    "garbage for a config.toml": (
        lambda run: (run / "config.toml").write_bytes(b"\xff\0="),
        ["config.toml is damaged or was edited"],
    ),
    "one bit of config.toml": (lambda run: flip(run / "config.toml", 30), ["config.toml is damaged or was edited"]),
    "deep JSON for facts": (lambda run: (run / "provenance.json").write_text("[" * 100_000), ["it is damaged"]),
    "deep JSON for a status": (lambda run: (run / "status.json").write_text('{"a":' * 100_000), ["it is damaged"]),
    "no provenance.json": (
        lambda run: (run / "provenance.json").unlink(),
        ["is not a run folder: it has no provenance.json"],
    ),
    "garbage for facts": (lambda run: (run / "provenance.json").write_text("[1]"), ["is not a run folder"]),
    "facts in part": (
        lambda run: (run / "provenance.json").write_text('{"format": 2}'),
        ["is not a run folder", "damaged: 'command' is missing"],
    ),
    "facts cut off": (
        lambda run: (run / "provenance.json").write_text('{"format": 2,\n "seed": '),
        ["damaged: it is not JSON from line 2 on"],
    ),
    "facts in another encoding": (
        lambda run: (run / "provenance.json").write_bytes(b'{"format": "\xfc"}'),
        ["damaged: it is not UTF-8 text"],
    ),
    "facts of another type": (
        lambda run: edited(run / "provenance.json", backend=None),
        ["damaged: an entry is not of the type that it must have"],
    ),
    "no status.json": (lambda run: (run / "status.json").unlink(), ["is not a run folder: it has no status.json"]),
    "a status that is none": (lambda run: (run / "status.json").write_text("3"), ["is not a run folder"]),
    "all checkpoints damaged": (spoil_all, ["is damaged", "no earlier checkpoint is intact", "remove"]),
}


@pytest.mark.parametrize(("spoil", "parts"), SPOILT.values(), ids=SPOILT)
def test_a_spoilt_run_folder_is_refused(spoil, parts, run):
    spoil(run)
    message = refused(run)
    assert all(part in message for part in parts), message


@pytest.mark.parametrize("name", ["provenance.json", "status.json", "config.toml", "metrics.jsonl"])
@pytest.mark.parametrize("instead", ["folder", "fifo", "loop", "device"])
def test_what_is_no_file_in_a_files_place_is_refused_at_once(run, name, instead):
    (run / name).unlink()
    if instead == "folder":
        (run / name).mkdir()
    elif instead == "fifo":
        os.mkfifo(run / name)
    else:
        (run / name).symlink_to("/dev/zero" if instead == "device" else name)
    before = set(run.rglob("*"))
    done = CliRunner().invoke(gmcore, ["resume", str(run)], catch_exceptions=False)
    assert done.exit_code == 2, done.stderr
    assert f"cannot read {run / name}" in done.stderr
    assert set(run.rglob("*")) == before


@pytest.mark.parametrize(
    "line", ['{"epoch": "1", "members": [0]}', '{"epoch": 1, "members": [[0]]}', "[" * 100_000, "3"]
)
def test_a_damaged_line_of_the_epoch_log_is_dropped(run, line):
    with (run / "metrics.jsonl").open("a") as log:
        log.write(line + "\n")
    done = CliRunner().invoke(gmcore, ["resume", str(run)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    assert [json.loads(one)["epoch"] for one in (run / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3, 4]


@pytest.mark.parametrize("command", [resume, replay])
def test_a_path_with_a_nul_character_is_refused(command):
    with pytest.raises(InputError, match=r"a\\x00b.*embedded null byte"):
        command("a\0b")


@pytest.mark.parametrize("name", ["n" * 300, "p/" * 3000])
def test_a_path_that_can_be_none_is_refused(name):
    for command in ("resume", "replay"):
        done = CliRunner().invoke(gmcore, [command, name], catch_exceptions=False)
        assert done.exit_code == 2, done.stderr
        assert any(part in done.stderr for part in ("is not a run folder", "cannot read", "does not exist"))
        assert len(done.stderr) < 600


def test_one_bit_of_a_checkpoints_header_and_the_one_before_is_taken(run, killed, tmp_path):
    whole = shutil.copytree(killed, tmp_path / "whole")
    last = max((run / "checkpoints").iterdir())
    flip(last, last.read_bytes().index(b'seconds\\":') + 10)
    for folder in (run, whole):
        done = CliRunner().invoke(gmcore, ["resume", str(folder)], catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("is damaged: its checksum does not match; using the checkpoint before it") == (
            folder == run
        )
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_what_is_no_folder_is_refused(tmp_path):
    assert "is not a run folder: No such file" in refused(tmp_path / "nowhere")
    (tmp_path / "file").write_text("no folder")
    assert "not a run folder" in refused(tmp_path / "file")


def test_a_run_that_is_under_way_is_refused(run):
    with alone_in(run):
        assert "is in use by another process" in refused(run)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="this system has no unshare")
def test_a_run_folder_that_is_read_only_is_refused(run):
    mount = f"mount --bind {run} {run} && mount -o remount,bind,ro {run} || exit 77"
    script = f"{mount}; exec {sys.executable} -m gmcore resume {run}"
    before, command = content(run), ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this user can't mount a file system")
    assert done.returncode == 2, done.stderr
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
    assert content(run) == before


def test_the_last_checkpoint_is_damaged_and_the_one_before_is_taken(run, killed, tmp_path):
    whole = shutil.copytree(killed, tmp_path / "whole")
    last = max((run / "checkpoints").iterdir())
    last.write_bytes(last.read_bytes()[:-1])
    for folder in (run, whole):
        done = CliRunner().invoke(gmcore, ["resume", str(folder)], catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("using the checkpoint before it") == (folder == run)
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
