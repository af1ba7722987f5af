"""A search scores each trial as a cross-validation with its settings would, and trains the best one."""

import copy
import itertools
import json
import tomllib

import attrs
import pytest

import gmcore
from gmcore.app import resume
from gmcore.builtins.metrics import Accuracy
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import Cancelled, ConfigError, TrainingError
from gmcore.ports import MetricComputer
from gmcore.testing.fakes import TinyModel, two_moons

RATES = {"training.optimizer.learning_rate": [0.01, 0.1]}


def with_settings(tables, settings):
    """Return a run file's tables after writing settings in by hand."""
    tables = copy.deepcopy(tables)
    for path, value in settings.items():
        *branches, last = path.split(".")
        node = tables
        for branch in branches:
            node = node.setdefault(branch, {})
        node[last] = value
    return tables


@pytest.fixture
def tables(run_file):
    """Return the run file's tables, all rows for training."""
    tables = tomllib.loads(run_file.read_text())
    tables["data"] |= {"path": str(run_file.with_name("moons.csv")), "validation": {"fraction": 0.0}}
    return tables


def searched(tables, space, **options):
    table = {"space": space, **options.pop("table", {})}
    return gmcore.search(tables, search=table, **options)


def by_index(done):
    return sorted(done.trials, key=lambda trial: trial.index)


def assert_scores_are_those_of_cross_validations(done, tables):
    for trial in done.trials:
        folds = gmcore.cross_validate(with_settings(tables, trial.settings)).result.folds
        assert trial.epochs.tolist() == [fold.training.epochs for fold in folds], trial.settings
        expected = {"loss": [fold.validation.loss for fold in folds]}
        expected |= {name: [fold.validation.metrics[name] for fold in folds] for name in folds[0].validation.metrics}
        assert {name: values.tolist() for name, values in trial.scores.items()} == expected, trial.settings


@pytest.mark.parametrize(
    ("backend", "sizes"),
    [("jax", [16]), *(pytest.param(name, [16, 40], marks=pytest.mark.slow) for name in ("jax", "metal"))],
)
def test_trials_score_as_cross_validations_with_their_settings_do_to_the_bit(tables, backend, sizes):
    tables["backend"] = {"use": backend, "device": "cpu"}
    space = {
        "training.optimizer.learning_rate": [0.003, 0.1],
        "model.dropout": [0.0, 0.5],
        "training.batch_size": sizes,
    }
    done = searched(tables, space)
    assert_scores_are_those_of_cross_validations(done, tables)
    assert len({trial.mean["loss"] for trial in done.trials}) == len(done.trials) == 4 * len(sizes)


@pytest.mark.parametrize(
    "space",
    [
        {"seed": [1, 2, 3], "training.optimizer.weight_decay": [0.0, 0.5]},
        {"model.loss": [{"use": "cross_entropy", "label_smoothing": 0.1}, "auto"], "model.hidden": [[8], [4, 4]]},
        {"training.early_stopping.patience": [1, 3], "training.max_epochs": [2, 5]},
        *(
            pytest.param(space, marks=pytest.mark.slow)
            for space in (
                {"model.loss.label_smoothing": [0.0, 0.1, 0.3], "model.loss.use": ["cross_entropy"]},
                {"training.optimizer.use": ["adamw", "sgd", "adam"], "training.optimizer.learning_rate": [0.01, 0.1]},
                {"training.optimizer": [{"use": "sgd", "momentum": 0.9}, {"use": "sgd", "momentum": 0.5}, "adam"]},
            )
        ),
    ],
    ids=" ".join,
)
def test_whatever_is_searched_the_scores_are_those_of_cross_validations(tables, space):
    assert_scores_are_those_of_cross_validations(searched(tables, space), tables)


@pytest.mark.slow
def test_drawn_settings_score_as_written_ones(tables):
    space = {
        "training.optimizer.learning_rate": {"low": 1e-3, "high": 0.3, "log": True},
        "training.optimizer.momentum": {"low": 0.1, "high": 0.95},
        "training.batch_size": {"low": 30, "high": 33, "integer": True},
        "model.dropout": {"low": 0.0, "high": 0.5},
    }
    tables["training"]["optimizer"] = {"use": "sgd"}
    done = searched(tables, space, table={"strategy": {"use": "random", "trials": 6}})
    assert_scores_are_those_of_cross_validations(done, tables)


@pytest.mark.slow
def test_trials_that_share_a_program_are_one_fleet(tables):
    fits = []
    space = {**RATES, "model.dropout": [0.0, 0.1, 0.2], "model.hidden": [[8], [4]], "seed": [1, 2]}
    searched(tables, space, hooks=Hooks(fit_start=(fits.append,)))
    # Without dropout in two widths, with two rates in two widths; then the winner.
    assert [len(fit.members) for fit in fits] == [2 * 2 * 3, 2 * 2 * 3, 2 * 2 * 2 * 3, 2 * 2 * 2 * 3, 1]
    assert [index for fit in fits for index in fit.members] == list(range(73))


@pytest.mark.slow
def test_chunks_make_no_difference(tables):
    whole, pieces = (
        searched(with_settings(tables, {"training.members_per_chunk": size}), RATES | {"model.dropout": [0.1, 0.4]})
        for size in (100, 5)
    )
    for one, other in zip(whole.trials, pieces.trials, strict=True):
        assert one.settings == other.settings
        assert one.mean == other.mean


def test_the_winner_is_the_model_that_train_makes_of_its_settings(tables, tmp_path):
    done = searched(tables, {**RATES, "model.dropout": [0.0, 0.3], "seed": [1, 2]}, runs=tmp_path)
    assert done.best.value == min(trial.mean["accuracy"] * -1 for trial in done.trials) * -1
    again = gmcore.train(done.folder / "best.toml", runs=tmp_path)
    assert (again.folder / "model.safetensors").read_bytes() == (done.folder / "model.safetensors").read_bytes()
    written = tomllib.loads((done.folder / "best.toml").read_text())
    assert "search" not in written
    assert written["seed"] == done.best.settings["seed"]
    scores = gmcore.cross_validate(done.folder / "best.toml").result.mean
    assert scores == done.best.mean


def test_the_winner_learns_from_all_rows_but_the_test_rows(tables):
    del tables["data"]["validation"]
    tables["data"]["test"] = {"fraction": 0.25}
    plain = searched(tables, RATES, training={"max_epochs": 2}).winner
    assert (plain.train.n_samples, plain.validation, plain.test.n_samples) == (90, None, 30)
    stopped = searched(tables, RATES).winner
    assert (stopped.train.n_samples, stopped.validation.n_samples) == (72, 18)


def test_the_run_folder_contains_all_results(tables, tmp_path):
    done = searched(tables, RATES, runs=tmp_path)
    written = {"config.toml", "provenance.json", "status.json", "metrics.jsonl", "result.json", "model.safetensors"}
    assert {path.name for path in done.folder.iterdir()} >= written | {"trials.json", "best.toml"}
    told = json.loads((done.folder / "trials.json").read_text())["trials"]
    assert [one["rank"] for one in told] == [1, 2]
    assert told[0]["mean"] == pytest.approx(done.best.mean)
    assert json.loads((done.folder / "result.json").read_text())["best"] == dict(done.best.settings)
    assert json.loads((done.folder / "provenance.json").read_text())["command"] == "search"
    assert gmcore.load(done.folder).predict(two_moons(5).inputs["numeric"]).shape == (5,)


@pytest.mark.parametrize(
    ("metric", "better", "best"), [(None, None, max), ("log_loss", None, min), ("loss", None, min)]
)
def test_trials_are_ranked_by_the_metric_and_its_direction(tables, metric, better, best):
    table = {name: value for name, value in (("metric", metric), ("better", better)) if value}
    done = searched(tables, {"training.optimizer.learning_rate": [0.001, 0.01, 0.1]}, table=table)
    values = [trial.mean[metric or "accuracy"] for trial in done.trials]
    assert values == sorted(values, reverse=best is max)


@attrs.frozen
class Sure(MetricComputer):
    """Accuracy, or NaN if it is poor; it does not state whether higher values are better."""

    def bind(self, schema):
        return self

    def compute(self, predictions, targets, weights=None):
        found = Accuracy().compute(predictions, targets, weights)["accuracy"]
        return {"sure": found if found > 0.65 else float("nan")}


@pytest.fixture
def sure(tables):
    """Rank by a metric that some trials fail at."""
    gmcore.float32.metric_computers.register("sure", Sure)
    tables["metrics"] = ["sure"]
    yield tables
    gmcore.float32.metric_computers.unregister("sure")


def test_a_metric_that_says_no_direction_needs_one(sure):
    with pytest.raises(ConfigError, match=r"search\.better: the metric 'sure' does not state which is better: set "):
        searched(sure, RATES)


def test_a_trial_without_a_number_ranks_last_and_is_told_as_failed(sure):
    rates = {"training.optimizer.learning_rate": [1e-9, 0.1]}
    done = searched(sure, rates, table={"better": "lower"})
    assert [(trial.index, trial.failed) for trial in done.trials] == [(1, False), (0, True)]
    assert [one["failed"] for one in done.report["trials"]] == [False, True]


def test_a_search_whose_trials_all_fail_says_so_and_keeps_them(sure, tmp_path):
    with pytest.raises(TrainingError, match="every trial failed; the first: its sure is nan"):
        searched(
            sure,
            {"training.optimizer.learning_rate": [1e-9, 1e-10]},
            table={"better": "higher"},
            runs=tmp_path / "runs",
        )
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "status.json").read_text())["status"] == "failed"
    assert len(json.loads((folder / "trials.json").read_text())["trials"]) == 2
    assert not (folder / "model.safetensors").exists()


def test_a_trial_whose_loss_is_not_finite_does_not_stop_the_others(tables):
    tables["training"]["optimizer"] = {"use": "sgd"}
    rates = [0.1, 1e30, 0.05]
    moments = []
    hooks = Hooks(member_failed=(moments.append,))
    done = searched(tables, {"training.optimizer.learning_rate": rates}, hooks=hooks)
    folds = len(done.trials[0].epochs)
    # Members of several trials have the index of their fold; listeners get their numbers in the whole search.
    assert {moment.member for moment in moments} == set(range(folds, 2 * folds))
    assert [trial.failed for trial in done.trials] == [False, False, True]
    assert done.trials[-1].settings == {"training.optimizer.learning_rate": 1e30}
    assert done.trials[-1].failure.startswith("in fold 0, the loss was ")
    assert_scores_are_those_of_cross_validations(attrs.evolve(done, trials=done.trials[:2]), tables)


def test_a_fleet_that_fails_does_not_stop_the_others(tables):
    space = {"training.optimizer": [{"use": "sgd", "learning_rate": 1e30}, {"use": "sgd", "learning_rate": 0.1}]}
    good, bad = searched(tables, space).trials
    assert (good.index, good.failed) == (1, False)
    assert bad.failed
    assert "lower the learning rate" in bad.failure
    with pytest.raises(TrainingError, match=r"every trial failed; the first: .*lower the learning rate"):
        searched(tables, {"training.optimizer": space["training.optimizer"][:1]})


def test_listeners_are_called_for_every_trial(tables):
    starts, trials = [], []
    done = searched(tables, RATES, hooks=Hooks(search_start=(starts.append,), trial_end=(trials.append,)))
    assert [(start.trials, start.members) for start in starts] == [(2, 6)]
    assert [one.trial for one in trials] == by_index(done)


def test_a_model_that_has_no_settings_of_its_own_is_searched_in_groups(tables):
    class Provider:
        def create(self, schema):
            return TinyModel(schema=schema)

    tables["model"], fits = Provider(), []
    tables["backend"] = {"use": "metal", "device": "cpu"}
    done = searched(tables, {"training.batch_size": [16, 64]} | RATES, hooks=Hooks(fit_start=(fits.append,)))
    assert [len(fit.members) for fit in fits] == [6, 6, 1]
    assert_scores_are_those_of_cross_validations(done, tables)
    with pytest.raises(ConfigError, match=r"search\.space\.model: the options of a model object can't be searched"):
        searched(tables, {"model.hidden": [[4]]})


@pytest.mark.parametrize(
    "stop_at", [pytest.param(5, marks=pytest.mark.slow), 8, pytest.param(13, marks=pytest.mark.slow)]
)
def test_a_resumed_search_gives_the_same_bytes(tables, tmp_path, stop_at):
    """Stopped in the second chunk of the first group, in the second group, and while the winner trains."""
    tables["training"] |= {"max_epochs": 3, "members_per_chunk": 4}
    del tables["training"]["early_stopping"]
    tables["backend"] = {"use": "metal", "device": "cpu"}
    space = RATES | {"model.dropout": [0.0, 0.3]}
    whole = searched(tables, space, runs=tmp_path / "whole")
    cancellation, starts = Cancellation(), itertools.count(1)
    hooks = Hooks(epoch_start=(lambda _: next(starts) == stop_at and cancellation.cancel(),))
    with pytest.raises(Cancelled):
        searched(tables, space, runs=tmp_path / "stopped", cancellation=cancellation, hooks=hooks)
    (folder,) = (tmp_path / "stopped").iterdir()
    with (folder / "metrics.jsonl").open("a") as file:  # what a kill leaves before the next checkpoint
        file.writelines(json.dumps({**line, "epoch": line["epoch"] + 1}) + "\n" for line in logged(folder)[-1:])
    done = resume(folder)
    assert (folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()
    assert [(one.settings, one.mean) for one in done.trials] == [(one.settings, one.mean) for one in whole.trials]
    assert logged(folder) == logged(whole.folder)


def logged(folder):
    return list(map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()))
