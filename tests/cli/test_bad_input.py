"""Wrong input: one clear message on stderr, exit status 2, no traceback, and nothing left behind."""

import os
import subprocess
import sys

import pytest

import gmcore

ROWS = ["petal,colour,kind", *(f"{n},red,{'iris' if n % 2 else 'rose'}" for n in range(20))]


def with_rows(*changes):
    """Return the CSV text with some lines, numbered from 1, replaced."""
    lines = list(ROWS)
    for number, line in changes:
        lines[number - 1] = line
    return "\n".join(lines) + "\n"


def refused(call, folder, *arguments):
    """Run a command that must fail with exit status 2; returns its message."""
    before = sorted(folder.rglob("*"))
    done = call(*arguments)
    assert done.exit_code == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before
    return done.stderr


RUN_FILES = {
    "unknown key": ("hidden = [8]", "hiden = [8]", ["model.hiden", "did you mean 'hidden'?"]),
    "unknown table": ("[training]", "[trainig]", ["trainig", "did you mean 'training'?"]),
    "wrong type": ("max_epochs = 4", 'max_epochs = "4"', ["training.max_epochs", "whole number", "'4'"]),
    "a fraction for a whole number": ("batch_size = 16", "batch_size = 16.5", ["training.batch_size", "16.5"]),
    "out of range": ("n_splits = 3", "n_splits = 1", ["validation.n_splits", "1"]),
    "negative seed": ("seed = 3", "seed = -3", ["seed", "-3"]),
    "unknown component": ('use = "mlp"', 'use = "mpl"', ["model.use", "did you mean 'mlp'"]),
    "unknown metric": ('["accuracy"]', '["acuracy"]', ["metrics.use", "did you mean 'accuracy'"]),
    "unknown optimizer": ('use = "adamw"', 'use = "adamv"', ["training.optimizer.use", "did you mean 'adam"]),
    "unknown dtype": ("seed = 3", 'dtype = "float16"', ["dtype", "float16"]),
    "unknown backend": ("seed = 3", 'backend = "meta"', ["backend", "did you mean 'metal'"]),
    "a device that is not there": (
        "seed = 3",
        'backend = { use = "jax", device = "tpu" }',
        ["tpu", "cpu"],
    ),
    "missing CSV": ("flowers.csv", "flower.csv", ["flower.csv", "flowers.csv"]),
    "absent target": ('target = "kind"', 'target = "kid"', ["kid", "did you mean 'kind'?"]),
    "more folds than rows of a class": ("n_splits = 3", "n_splits = 20", ["20"]),
    "more folds than rows": ("n_splits = 3", "n_splits = 1000", ["1000"]),
    "not TOML": ("[model]", "[model", ["TOML", "line"]),
    "a metric for numbers": ('["accuracy"]', '["r2"]', ["r2", "kind"]),
}


@pytest.mark.parametrize(("old", "new", "parts"), RUN_FILES.values(), ids=RUN_FILES)
def test_a_wrong_run_file_is_refused(old, new, parts, folder, call):
    text = (folder / "run.toml").read_text()
    assert old in text
    (folder / "run.toml").write_text(text.replace(old, new))
    message = refused(call, folder, "validate", "run.toml")
    assert all(part in message for part in parts), message


CSV_FILES = {
    "empty": ("", ["empty"]),
    "header only": ("petal,colour,kind\n", ["no rows"]),
    "duplicate column": (with_rows((1, "petal,petal,kind")), ["petal", "2 times"]),
    "ragged row": (with_rows((5, "1.0,red")), ["line 5"]),
    "text among numbers": (with_rows((7, "tall,red,rose")), ["petal", "line 7", "tall"]),
    "missing target values": (with_rows((4, "3,red,"), (9, "8,red,")), ["kind", "2", "line 4"]),
    "one class only": (with_rows(*((n, f"{n},red,rose") for n in range(2, 22))), ["kind", "rose"]),
    "a class that is too rare": (with_rows(*((n, f"{n},red,rose") for n in range(4, 22))), ["iris"]),
}


@pytest.mark.parametrize(("text", "parts"), CSV_FILES.values(), ids=CSV_FILES)
def test_a_wrong_csv_is_refused(text, parts, folder, call):
    (folder / "flowers.csv").write_text(text)
    message = refused(call, folder, "validate", "run.toml")
    assert all(part in message for part in parts), message


def test_a_missing_run_file_is_refused(folder, call):
    assert "rum.toml" in refused(call, folder, "train", "rum.toml")


def test_a_place_that_takes_no_folder_is_refused(folder, call):
    (folder / "taken").write_text("a file, no folder")
    assert "taken" in refused(call, folder, "train", "run.toml", "--runs", "taken")


def test_a_place_without_write_permission_is_refused(folder):
    (folder / "closed").mkdir(mode=0o500)
    command = [sys.executable, "-m", "gmcore", "train", "run.toml", "--runs", "closed"]
    if os.geteuid() == 0:  # root ignores permissions, unless it gives that capability up
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "Error: cannot create a run folder in closed: Permission denied"
    assert not list((folder / "closed").iterdir())


@pytest.fixture(scope="module")
def model_bytes(tmp_path_factory):
    """Train once for all tests that need a model."""
    folder = tmp_path_factory.mktemp("model")
    rows = {"petal": [0.1 * n for n in range(30)], "colour": ["red", "blue"] * 15}
    done = gmcore.train(rows, ["iris", "rose"] * 15, training={"max_epochs": 1})
    done.model.save(folder / "model.safetensors")
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture
def model(model_bytes, folder):
    (folder / "model.safetensors").write_bytes(model_bytes)
    return "model.safetensors"


def test_a_missing_column_is_refused(model, folder, call):
    (folder / "new.csv").write_text("colour\nred\n")
    assert "petal" in refused(call, folder, "predict", model, "new.csv", "--output", "answers.csv")


def test_extra_columns_and_unseen_categories_are_no_error(model, folder, call):
    (folder / "new.csv").write_text("colour,petal,height\ngreen,1.5,7\nred,1.5,8\n")
    done = call("predict", model, "new.csv")
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_model_is_refused(share, model_bytes, folder, call):
    (folder / "part.safetensors").write_bytes(model_bytes[: int(share * len(model_bytes))])
    assert "part.safetensors" in refused(call, folder, "predict", "part.safetensors", "flowers.csv")


def test_a_foreign_model_is_refused(folder, call):
    (folder / "foreign.safetensors").write_bytes(b"PK\x03\x04 something else altogether")
    assert "foreign.safetensors" in refused(call, folder, "predict", "foreign.safetensors", "flowers.csv")


def test_an_absent_model_is_refused(folder, call):
    assert "absent.safetensors" in refused(call, folder, "predict", "absent.safetensors", "flowers.csv")


def test_a_place_that_takes_no_predictions_is_refused(model, folder, call):
    assert "nowhere" in refused(call, folder, "predict", model, "flowers.csv", "--output", "nowhere/answers.csv")
