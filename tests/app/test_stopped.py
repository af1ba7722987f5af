"""A run that is stopped keeps its best model so far, and says how to continue."""

import json

import numpy as np
import pytest

import gmcore
from gmcore.app import resume
from gmcore.domain import Cancellation
from gmcore.errors import Cancelled

LONG = {"max_epochs": 100_000, "early_stopping": {"patience": 50_000}, "batch_size": 16}


def stopping(cancellation, epoch):
    """Return a hook that stops the run in an epoch."""

    def epoch_end(context):
        if context.epoch >= epoch:
            cancellation.cancel()

    return epoch_end


def stopped(command, source, folder, epoch, **settings):
    """Return the error of a run that is stopped, and its folder."""
    cancellation = Cancellation()
    with pytest.raises(Cancelled) as caught:
        command(source, runs=folder, hooks=[stopping(cancellation, epoch)], cancellation=cancellation, **settings)
    (run,) = folder.iterdir()
    return caught.value, run


def test_a_stopped_training_keeps_the_best_model_so_far(run_file, tmp_path):
    error, folder = stopped(gmcore.train, run_file, tmp_path / "runs", 5, training=LONG)
    notes = "\n".join(error.__notes__)
    assert f"to continue the run: gmcore resume {folder}" in notes
    assert json.loads((folder / "status.json").read_text())["status"] == "cancelled"
    epoch = int(notes.partition("best model so far, of epoch ")[2].partition(":")[0])
    assert f"best model so far, of epoch {epoch}: {folder / 'model.safetensors'}" in notes
    # The model of a run that trains no longer than that epoch; it is the best of them.
    whole = gmcore.train(run_file, training={**LONG, "max_epochs": epoch}).model
    points = np.array([[0.1, 0.2], [1.0, -0.5]])
    assert gmcore.load(folder).predict_proba(points).tolist() == whole.predict_proba(points).tolist()


def test_a_stopped_run_continues_after_its_best_model_was_kept(run_file, tmp_path):
    few = {"max_epochs": 8, "early_stopping": {"patience": 8}}
    whole = gmcore.train(run_file, training=few)
    _, folder = stopped(gmcore.train, run_file, tmp_path / "runs", 3, training=few)
    assert resume(folder).report["train"] == whole.report["train"]


def test_before_the_first_epoch_has_ended_there_is_no_model(run_file, tmp_path):
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled) as caught:
        gmcore.train(run_file, runs=tmp_path / "runs", cancellation=cancellation)
    assert "no epoch was completed, so there is no model yet" in caught.value.__notes__
    (folder,) = (tmp_path / "runs").iterdir()
    assert not (folder / "model.safetensors").exists()


def test_a_search_that_is_stopped_at_its_winner_keeps_that_model(run_file, tmp_path):
    space = {"search": {"space": {"model.dropout": [0.1, 0.2]}}, "training": {"max_epochs": 3}}
    cancellation, trials = Cancellation(), []

    def trial_end(context):
        trials.append(context)

    def epoch_end(context):
        if len(trials) == 2 and context.epoch == 1:
            cancellation.cancel()

    with pytest.raises(Cancelled) as caught:
        gmcore.search(
            run_file, runs=tmp_path / "runs", hooks=[trial_end, epoch_end], cancellation=cancellation, **space
        )
    (folder,) = (tmp_path / "runs").iterdir()
    assert any(note.startswith("best model so far") for note in caught.value.__notes__)
    assert gmcore.load(folder).predict(np.zeros((1, 2))).shape == (1,)


def test_ctrl_c_in_code_is_a_stop_too(run_file, tmp_path):
    def epoch_end(context):
        if context.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        gmcore.train(run_file, runs=tmp_path / "runs", hooks=[epoch_end], training={"checkpoint": {"every_epochs": 1}})
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "status.json").read_text())["status"] == "cancelled"
    assert any(note.startswith("best model so far") for note in caught.value.__notes__)
    assert (folder / "model.safetensors").exists()
