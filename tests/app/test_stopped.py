"""A run that is stopped keeps its best model so far, and says how to continue."""

import json

import numpy as np
import pytest

import gmcore
from gmcore.app import resume
from gmcore.domain import Cancellation
from gmcore.errors import Cancelled, InputError

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


@pytest.mark.slow
def test_a_stopped_cross_validation_goes_on_in_another_engine_to_the_same_scores(run_file, tmp_path):
    few = {"max_epochs": 8, "early_stopping": {"patience": 8}, "checkpoint": {"every_epochs": 1}}
    whole = gmcore.cross_validate(run_file, training=few)
    _, folder = stopped(gmcore.cross_validate, run_file, tmp_path / "runs", 3, training=few)
    assert resume(folder, engine="processes").report["mean"] == whole.report["mean"]


def test_a_stopped_training_has_no_engine_to_change(run_file, tmp_path):
    _, folder = stopped(gmcore.train, run_file, tmp_path / "runs", 1, training=LONG)
    with pytest.raises(InputError, match="trains one model, which no engine divides: leave out the engine"):
        resume(folder, engine="processes")


def test_resuming_on_another_backend_is_announced_and_on_the_same_one_is_not(run_file, tmp_path):
    metal, jax = ({"use": name, "device": "cpu"} for name in ("metal", "jax"))
    _, folder = stopped(gmcore.train, run_file, tmp_path / "runs", 1, training=LONG, backend=metal)
    stop, said = Cancellation(), []
    stop.cancel()
    for backend in (None, metal, jax):
        with pytest.raises(Cancelled):
            resume(folder, backend=backend, cancellation=stop, say=said.append)
    (text,) = said
    assert text.startswith("the run started with metal on cpu and resumes with jax on cpu: its results will agree up")


@pytest.mark.parametrize("command", [gmcore.train, gmcore.cross_validate])
def test_epochs_logged_after_the_last_checkpoint_are_logged_again_by_a_resumed_run(command, run_file, tmp_path):
    few = {"max_epochs": 6, "members_per_chunk": 2}
    whole = command(run_file, training=few, runs=tmp_path / "whole")
    _, folder = stopped(command, run_file, tmp_path / "runs", 3, training=few)
    log = folder / "metrics.jsonl"
    *_, last = map(json.loads, log.read_text().splitlines())
    # What a kill leaves between the line of an epoch and its checkpoint.
    with log.open("a") as file:
        file.write(json.dumps({**last, "epoch": last["epoch"] + 1, "train_loss": [99.0] * len(last["members"])}) + "\n")
    resume(folder)
    assert log.read_text() == (whole.folder / "metrics.jsonl").read_text()


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


def test_a_stopped_cross_validation_keeps_the_scores_of_the_folds_that_had_ended(run_file, tmp_path):
    few = {"max_epochs": 3, "members_per_chunk": 2}
    whole = gmcore.cross_validate(run_file, folds=5, training=few)
    cancellation, starts = Cancellation(), []

    def fit_start(context):
        starts.append(context.members)
        if len(starts) == 2:
            cancellation.cancel()

    with pytest.raises(Cancelled) as caught:
        gmcore.cross_validate(
            run_file, folds=5, training=few, runs=tmp_path / "runs", hooks=[fit_start], cancellation=cancellation
        )
    (folder,) = (tmp_path / "runs").iterdir()
    found = json.loads((folder / "partial.json").read_text())
    assert found["folds"] == json.loads(json.dumps(whole.report["folds"][:2]))
    assert found["mean"]["loss"] == pytest.approx(np.mean([fold["loss"] for fold in found["folds"]]))
    assert any(note.startswith("2 of 5 folds had ended, loss ") for note in caught.value.__notes__)
    assert any(note.startswith("to continue the run: gmcore resume") for note in caught.value.__notes__)
    done = resume(folder)
    assert done.report["folds"] == whole.report["folds"]
    assert not (folder / "partial.json").exists()


def test_a_fold_that_had_stopped_early_has_ended_while_others_of_its_chunk_train(run_file, tmp_path):
    cancellation, stopped_at = Cancellation(), []

    def epoch_end(context):
        if 0 < context.active.sum() < len(context.active):
            stopped_at.append(int(np.flatnonzero(~context.active)[0]))
            cancellation.cancel()

    patient = {"max_epochs": 300, "early_stopping": {"patience": 2}}
    with pytest.raises(Cancelled) as caught:
        gmcore.cross_validate(
            run_file, training=patient, runs=tmp_path / "runs", hooks=[epoch_end], cancellation=cancellation
        )
    (folder,) = (tmp_path / "runs").iterdir()
    found = json.loads((folder / "partial.json").read_text())["folds"]
    whole = gmcore.cross_validate(run_file, training=patient).report["folds"]
    assert stopped_at[0] in [fold["index"] for fold in found]
    assert found == [json.loads(json.dumps(whole[fold["index"]])) for fold in found]
    assert f"{len(found)} of {len(whole)} folds had ended" in "\n".join(caught.value.__notes__)


def test_without_a_fold_that_had_ended_a_stopped_cross_validation_says_so(run_file, tmp_path):
    error, folder = stopped(gmcore.cross_validate, run_file, tmp_path / "runs", 2, training=LONG)
    assert any(note.endswith("folds had ended, so there are no scores yet") for note in error.__notes__)
    assert not (folder / "partial.json").exists()


def test_a_stopped_search_keeps_the_trials_that_had_ended(run_file, tmp_path):
    # The first program has two trials, of which the first fills a chunk; the second program has one.
    space = {
        "search": {"space": {"model.hidden": [[4], [3]], "model.dropout": [0.1, 0.2]}},
        "training": {"max_epochs": 3, "members_per_chunk": 3},
        "validation": {"use": "kfold", "n_splits": 3},
    }
    whole = gmcore.search(run_file, **space)
    cancellation, starts = Cancellation(), []

    def fit_start(context):
        starts.append(context.members)
        if len(starts) == 4:
            cancellation.cancel()

    with pytest.raises(Cancelled) as caught:
        gmcore.search(run_file, runs=tmp_path / "runs", hooks=[fit_start], cancellation=cancellation, **space)
    (folder,) = (tmp_path / "runs").iterdir()
    found = json.loads((folder / "partial.json").read_text())["trials"]
    scores = {trial["trial"]: trial["mean"] for trial in whole.report["trials"]}
    assert len(found) == 3
    assert {trial["trial"]: trial["mean"] for trial in found} == {
        trial["trial"]: scores[trial["trial"]] for trial in found
    }
    best = found[0]["settings"]
    note = next(note for note in caught.value.__notes__ if note.startswith("3 of 4 trials had ended, the best with"))
    assert f"model.dropout = {best['model.dropout']}" in note
    assert gmcore.cross_validate(folder / "best.toml").result.mean == pytest.approx(found[0]["mean"])


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
