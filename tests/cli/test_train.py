import errno
import io
import json
import signal
import sys

import pytest

import gmcore
from gmcore.cli.progress import progress
from gmcore.domain import Hooks


def test_json_says_what_came_out_and_where(folder, report):
    told = report("train", "run.toml")
    assert set(told) == {"run", "model", "epochs", "best_epoch", "train", "validation", "seconds", "profile"}
    assert told["epochs"] == told["best_epoch"] == 4
    assert set(told["train"]) == set(told["validation"]) == {"loss", "accuracy"}
    assert (folder / told["run"]).is_dir()
    assert gmcore.load(told["model"]).schema.target.classes == ("iris", "rose", "tulip")


def test_people_read_stderr_alone(folder, call):
    done = call("train", "run.toml")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "Dense(in_features=4, out_features=8)" in done.stderr
    assert "45 rows, 1 numeric, 1 categorical, target kind (3 classes)" in done.stderr
    assert "model.safetensors" in done.stderr


def test_the_run_folder_says_what_it_was_made_of(folder, report):
    told = report("train", "run.toml", "--runs", "elsewhere")
    run = folder / told["run"]
    assert run.parent.name == "elsewhere"
    assert not (folder / "runs").exists()
    assert json.loads((run / "status.json").read_text())["status"] == "done"
    assert json.loads((run / "provenance.json").read_text())["seed"] == 3
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 4


def test_a_resolved_run_file_trains_the_same_model(folder, report):
    first = report("train", "run.toml")
    again = report("train", f"{first['run']}/config.toml")
    assert again["train"] == first["train"]


INTERRUPT = Hooks(fit_start=(lambda _: signal.raise_signal(signal.SIGINT),))


@pytest.fixture
def argument(folder, report, call, monkeypatch):
    """Return what a command is called with: a run file, a stopped run to resume, or a finished one to replay."""

    def of(command):
        if command == "replay":
            return report("train", "run.toml")["run"]
        if command == "resume":
            with monkeypatch.context() as patched:
                patched.setattr("gmcore.cli.progress.progress", lambda _: INTERRUPT)
                call("train", "run.toml")
            (run,) = (folder / "runs").iterdir()
            return run
        if command == "search":
            with (folder / "run.toml").open("a") as file:
                file.write("[search.space]\nseed = [1, 2]\n")
        return "run.toml"

    return of


@pytest.mark.parametrize("command", ["train", "validate", "resume", "replay"])
def test_a_run_tells_the_progress_bar_of_each_epoch(command, argument, call, monkeypatch):
    run = argument(command)
    heard = []
    monkeypatch.setattr("gmcore.cli.progress.progress", lambda _: Hooks(epoch_end=(heard.append,)))
    assert call(command, run).exit_code == 0
    assert [context.epoch for context in heard] == [1, 2, 3, 4]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stderr", "bars"), [(Terminal(), True), (io.StringIO(), False), (None, False)], ids=["terminal", "file", "none"]
)
def test_there_are_bars_on_a_terminal_alone(stderr, bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr)
    assert bool(progress(gmcore.float32).epoch_end) == bars


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (MemoryError("of 12 GB"), 1, "Error: not enough memory: of 12 GB"),
        (MemoryError(), 1, "Error: not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device", "rows.csv"), 2, "Error: rows.csv: No space left on device"),
        (OSError(errno.EIO, "I/O error"), 2, "Error: the output can't be written: I/O error"),
    ],
    ids=["memory", "memory without words", "a file", "no file"],
)
def test_an_error_of_the_system_is_one_line(error, status, message, folder, call, monkeypatch):
    def fail(_):
        raise error

    monkeypatch.setattr("gmcore.cli.progress.progress", lambda _: Hooks(fit_start=(fail,)))
    done = call("train", "run.toml")
    assert done.exit_code == status
    assert message in done.stderr.splitlines()


@pytest.mark.parametrize("command", ["train", "validate", "search", "resume", "replay"])
def test_ctrl_c_stops_a_run(command, argument, call, monkeypatch):
    run = argument(command)
    monkeypatch.setattr("gmcore.cli.progress.progress", lambda _: INTERRUPT)
    assert call(command, run).exit_code == 128 + signal.SIGINT
