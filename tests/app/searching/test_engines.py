"""Engines: jobs in other processes give the results of this process, and a lost job is a failure that is reported."""

import json
import tomllib

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.app import resume
from gmcore.app.commands.replay import replay
from gmcore.builtins.engines import LocalEngine, ProcessesEngine
from gmcore.domain import Hooks
from gmcore.errors import AmbiguousNameError, Cancelled, ConfigError, TrainingError
from gmcore.nn.schedules import Constant
from gmcore.ports import Schedule

TWO = {"use": "processes", "workers": 2}


@pytest.fixture
def tables(tables):
    """Return the run with a backend that is imported fast, since each engine starts processes."""
    return tables | {"backend": {"use": "metal", "device": "cpu", "fused": False}}


def logged(folder):
    return list(map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()))


def folds_of(done):
    return done.report["folds"], done.report["mean"]


@pytest.mark.parametrize("backend", ["metal", pytest.param("jax", marks=pytest.mark.slow)])
def test_a_cross_validation_in_processes_gives_the_bits_of_this_process(tables, tmp_path, backend):
    tables["backend"] = {"use": backend, "device": "cpu"}
    tables["training"]["members_per_chunk"] = 2
    here = gmcore.cross_validate(tables, runs=tmp_path / "here")
    fits = []
    there = gmcore.cross_validate(tables, runs=tmp_path / "there", engine=TWO, hooks=Hooks(fit_start=(fits.append,)))
    assert folds_of(there) == folds_of(here)
    for one, other in zip(here.result.folds, there.result.folds, strict=True):
        np.testing.assert_array_equal(one.validation.predictions, other.validation.predictions)
    assert logged(there.folder) == logged(here.folder)
    assert [fit.members for fit in fits] == [(0, 1), (2,)]
    assert tomllib.loads((there.folder / "config.toml").read_text())["engine"] == {**TWO, "devices": []}


def test_rows_folds_and_listeners_may_be_objects_and_no_folder_is_needed():
    points = np.random.default_rng(0).normal(size=(60, 3))
    folds = [(np.arange(20, 60), np.arange(20)), (np.arange(40), np.arange(40, 60))]
    ended = []
    settings = {"folds": folds, "backend": {"use": "metal", "device": "cpu"}, "training": {"max_epochs": 2}}
    there = gmcore.cross_validate(
        points,
        points[:, 0],
        engine=ProcessesEngine(workers=2),
        hooks=Hooks(fold_end=(ended.append,)),
        **settings,
    )
    here = gmcore.cross_validate(points, points[:, 0], engine=LocalEngine(), **settings)
    assert folds_of(there) == folds_of(here)
    assert [end.index for end in ended] == [0, 1]


@pytest.mark.slow
def test_a_search_in_processes_ranks_the_trials_of_this_process(tables):
    """Its fleets have failed members, jobs of failed members alone, and settings of their own."""
    tables["training"]["optimizer"] = {"use": "sgd"}
    table = {"space": {"training.optimizer.learning_rate": [0.1, 1e30], "seed": [1, 2]}}
    tables["training"]["members_per_chunk"] = 3
    here = gmcore.search(tables, search=table)
    trials = []
    there = gmcore.search(tables, search=table, engine=TWO, hooks=Hooks(trial_end=(trials.append,)))
    assert json.dumps(there.report["trials"]) == json.dumps(here.report["trials"])
    assert [one.trial.index for one in trials] == [0, 1, 2, 3]
    assert [trial.failed for trial in here.trials] == [False, False, True, True]


def test_a_fleet_that_fails_as_a_whole_raises_the_error_of_this_process(tables):
    tables["training"]["optimizer"] = {"use": "sgd", "learning_rate": 1e30}
    errors = []
    for engine in ("local", TWO):
        with pytest.warns(RuntimeWarning, match=r"fold \d failed: "), pytest.raises(TrainingError) as caught:
            gmcore.cross_validate(tables, engine=engine)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]
    assert errors[0].startswith("training failed for member 0: the loss was ")


@pytest.mark.slow
def test_a_plugin_is_found_by_other_processes(tables, parts):
    tables["training"]["schedule"] = {"use": "deadly", "parent": 1, "steps": 10**6}
    there = gmcore.cross_validate(tables, engine=TWO)
    del tables["training"]["schedule"]
    assert folds_of(there) == folds_of(gmcore.cross_validate(tables))


def test_a_fold_whose_job_was_lost_has_failed_and_the_others_have_scores(tables, parts):
    tables["training"] |= {"batch_size": 8, "schedule": {"use": "deadly", "parent": 1, "steps": 12}}
    del tables["training"]["early_stopping"]
    folds = [(np.arange(60), np.arange(60, 90)), (np.arange(10, 30), np.arange(10))]
    failed = []
    with pytest.warns(RuntimeWarning, match="fold 0 failed: job-00000 was lost: "):
        done = gmcore.cross_validate(tables, engine=TWO, folds=folds, hooks=Hooks(member_failed=(failed.append,)))
    assert [fold.index for fold in done.result.failed_folds] == [0]
    reason = done.report["folds"][0]["failure"]
    assert reason.startswith("job-00000 was lost: its process died 3 times, the last time by signal 9 (SIGKILL)")
    assert [(one.member, str(one.failure)) for one in failed] == [(0, reason)]
    found = done.result.folds[1].validation
    assert done.result.mean == {"loss": found.loss, **found.metrics}


@pytest.mark.slow
def test_a_trial_whose_job_was_lost_has_failed_and_the_others_are_ranked(tables, parts):
    tables["training"]["schedule"] = {"use": "deadly", "parent": 1}
    done = gmcore.search(tables, engine=TWO, search={"space": {"training.schedule.steps": [0, 10**6]}})
    assert [(trial.index, trial.failed) for trial in done.trials] == [(1, False), (0, True)]
    assert done.trials[1].failure.startswith("group-00000/job-00000 was lost: its process died 3 times, ")


@pytest.mark.slow
def test_a_stopped_search_keeps_the_trials_whose_jobs_had_ended_and_is_resumed(tables, tmp_path, parts):
    tables["search"] = {"space": {"model.hidden": [[4], [3], [5], [2]]}}
    whole, said = gmcore.search(tables), []
    engine = {"use": "stopping", "stopped": str(tmp_path / "stopped")}
    with pytest.raises(Cancelled) as caught:
        gmcore.search(tables, engine=engine, runs=tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    kept = {one["trial"]: one["mean"] for one in json.loads((folder / "partial.json").read_text())["trials"]}
    assert list(kept) == [0]
    assert any("1 of 4 trials had ended, the best with" in note for note in caught.value.__notes__)
    done = resume(folder, say=said.append)
    assert {trial.index: trial.mean for trial in done.trials} == {trial.index: trial.mean for trial in whole.trials}
    for trial in done.trials:
        assert kept.get(trial.index, trial.mean) == trial.mean
    assert said == []


@pytest.mark.slow
def test_a_stopped_cross_validation_keeps_the_folds_whose_jobs_had_ended_and_is_resumed_and_replayed(
    tables, tmp_path, parts
):
    tables["training"]["members_per_chunk"] = 1
    whole = gmcore.cross_validate(tables)
    engine = {"use": "stopping", "stopped": str(tmp_path / "stopped")}
    with pytest.raises(Cancelled):
        gmcore.cross_validate(tables, engine=engine, runs=tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    kept = json.loads((folder / "partial.json").read_text())["folds"]
    assert [fold["index"] for fold in kept] == [0]
    assert kept == [json.loads(json.dumps(whole.report["folds"][fold["index"]])) for fold in kept]
    assert folds_of(resume(folder)) == folds_of(whole)
    assert replay(folder).same


def test_an_error_in_a_job_is_one_of_the_run(tables, parts, tmp_path):
    tables["training"]["schedule"] = "full"
    with pytest.raises(TrainingError, match="OSError: no space left on the disk") as caught:
        gmcore.cross_validate(tables, engine=TWO, runs=tmp_path / "runs")
    assert any("in factor\n" in note for note in caught.value.__notes__)
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "status.json").read_text())["status"] == "failed"


@attrs.frozen
class Unnamed(Schedule):
    """A schedule that no registry names."""

    inner: Schedule = attrs.field(factory=Constant)

    def factor(self, step, total_steps, steps_per_epoch):
        return self.inner.factor(step, total_steps, steps_per_epoch)


def half(predictions, targets):
    return 0.5


def test_objects_without_a_name_are_refused_together_before_anything_is_written(tables, tmp_path):
    tables["training"] |= {"schedule": Unnamed()}
    tables["metrics"] = ["accuracy", half]
    with pytest.raises(ConfigError) as caught:
        gmcore.cross_validate(tables, engine=TWO, runs=tmp_path / "runs")
    first, second = caught.value.problems
    assert first.startswith("training.schedule: no registry names ")
    assert "Unnamed, so the engine 'processes', which trains in other processes, can't build it: " in first
    assert first.endswith('install its class as a plugin, or set engine = "local"')
    assert second.startswith("metrics.use[1]: no registry names ")
    with pytest.raises(ConfigError, match="Unnamed"):
        gmcore.search(tables, engine=TWO, runs=tmp_path / "runs", search={"space": {"model.dropout": [0.1, 0.2]}})
    assert not (tmp_path / "runs").exists()
    assert gmcore.cross_validate(tables, engine="local").result.mean["half"] == 0.5


def test_a_class_that_is_registered_in_code_alone_is_refused(tables):
    gmcore.float32.schedules.register("of_this_process", Unnamed)
    tables["training"]["schedule"] = "of_this_process"
    message = "'of_this_process' is registered in this process alone, so the engine 'processes'.*install it as a plugin"
    try:
        with pytest.raises(ConfigError, match=message):
            gmcore.cross_validate(tables, engine=TWO)
    finally:
        gmcore.float32.schedules.unregister("of_this_process")


@pytest.mark.parametrize(
    ("engine", "problem"),
    [
        ("proceses", "engine.use: no engine named 'proceses': did you mean 'processes'"),
        ({"use": "processes", "workers": 0}, "engine.workers: must be a whole number of at least 1, got 0"),
        (3, "engine: must be the name of an engine, a table with 'use', or an object that implements Engine"),
    ],
)
def test_an_engine_that_is_none_is_refused(tables, engine, problem):
    with pytest.raises(ConfigError) as caught:
        gmcore.cross_validate(tables, engine=engine)
    assert caught.value.problems[0].startswith(problem)


def test_plain_training_ignores_the_engine_of_a_run_file_and_refuses_the_argument(tables):
    assert gmcore.train({**tables, "engine": TWO}).result.epochs == 2
    with pytest.raises(
        ConfigError, match=r"engine: gmcore\.train does not use it: remove it, or call gmcore\.cross_val"
    ):
        gmcore.train(tables, engine=TWO)


def test_two_engines_that_claim_one_name_are_ambiguous(tables, tmp_path, monkeypatch):
    for name in ("gm-one-engine", "gm-other-engine"):
        info = tmp_path / "site" / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "cluster = gmcore.builtins.engines:LocalEngine\nlocal = gmcore.builtins.engines:ProcessesEngine\n"
        (info / "entry_points.txt").write_text(f"[gmcore.engines]\n{lines}")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(
        AmbiguousNameError, match=r"several engines are named 'cluster': use 'gm-one-engine/cluster' \(gm"
    ):
        gmcore.float32.engines["cluster"]
    with pytest.raises(ConfigError, match=r"engine\.use: several engines are named 'cluster'"):
        gmcore.cross_validate(tables, engine="cluster")
    assert gmcore.float32.engines["local"] is LocalEngine
    assert gmcore.float32.engines["gm-other-engine/cluster"] is LocalEngine
