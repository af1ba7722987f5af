"""Metrics of the stop rows from sums on the device: equal to those of all predictions, and without side effects."""

import attrs
import numpy as np
import pytest

from gmcore.builtins import metrics
from gmcore.domain import CheckpointConfig, Feature, Hooks, Member, Rows, Schema, Target, TargetKind
from gmcore.errors import InputError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing import GuardedBackend, TinyModel
from gmcore.training import GradientDescent
from gmcore.training.fleet.stopping.stop_metrics import centers

OF_CLASSES = (
    metrics.Accuracy(),
    metrics.BalancedAccuracy(),
    metrics.LogLoss(),
    metrics.F1(average="macro"),
    metrics.Precision(average="weighted"),
    metrics.Recall(average="micro"),
)
OF_NUMBERS = (metrics.MSE(), metrics.RMSE(), metrics.MAE(), metrics.R2())
# The other backend repeats what is the trainer's work.
mostly_metal = pytest.mark.parametrize("backend", ["metal", pytest.param("jax", marks=pytest.mark.slow)], indirect=True)
# Sums of at most 20 rows in float32.
CLOSE = {"rel": 1e-5, "abs": 1e-6}


@pytest.fixture
def scored(task):
    return attrs.evolve(task, metrics=(*OF_CLASSES, metrics.ROCAUC()))


def last_epoch(task, member):
    """Return the last value of each metric in the history, and the same metrics of all predictions."""
    config = attrs.evolve(task.config, early_stopping=attrs.evolve(task.config.early_stopping, restore_best=False))
    task = attrs.evolve(task, config=config)
    (trained,) = GradientDescent().train(task, [member])
    (found,) = GradientDescent().validate(task, [trained.variables], [member.stop])
    return {name: values[-1] for name, values in trained.history.items()}, {"loss": found.loss, **found.metrics}


@pytest.mark.parametrize("weighted", [False, True])
def test_the_history_has_the_metrics_of_the_stop_rows(scored, weighted):
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 203) if weighted else None
    task = attrs.evolve(scored, rows=attrs.evolve(scored.rows, weights=weights))
    history, expected = last_epoch(task, Member(train=np.arange(150), stop=np.arange(150, 203)))
    for name in ("loss", *(name for metric in OF_CLASSES for name in metric.higher_is_better)):
        assert history[f"stop_{name}"] == pytest.approx(expected[name], **CLOSE)


def test_a_rank_metric_is_computed_only_after_training(scored):
    history, expected = last_epoch(scored, Member(train=np.arange(150), stop=np.arange(150, 203)))
    assert "roc_auc" in expected
    assert "stop_roc_auc" not in history


@attrs.frozen(kw_only=True)
class Line(TinyModel):
    """The same layers, for regression."""

    def loss(self, variables, outputs, targets, at):
        return at.xp.sum(at.xp.square(outputs - targets), axis=-1)

    def predict(self, variables, outputs, *, xp):
        return outputs


@pytest.mark.parametrize("targets", ["far from 0", "constant"])
def test_numbers_far_from_zero_keep_their_digits(task, targets):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(203, 2))
    y = np.stack([1000 + x[:, 0] + 0.1 * x[:, 1], x[:, 1]], 1) if targets == "far from 0" else np.full((203, 2), 0.1)
    names = ("long", "wide")
    schema = Schema(
        features=(Feature(name="x"), Feature(name="y")), target=Target(names=names, kind=TargetKind.REGRESSION)
    )
    rows = Rows(schema=schema, inputs={"numeric": x}, targets=y)
    numbers = attrs.evolve(task, model=Line(schema=schema), rows=rows, metrics=OF_NUMBERS)
    history, expected = last_epoch(numbers, Member(train=np.arange(150), stop=np.arange(150, 203)))
    for name, value in expected.items():
        # A float32 number near 1000 is rounded by about 6e-5.
        assert history[f"stop_{name}"] == pytest.approx(value, rel=2e-4, abs=1e-6)


@mostly_metal
def test_metrics_change_nothing_in_training(task, scored, fleet, same_results):
    plain, measured = GradientDescent().train(task, fleet()), GradientDescent().train(scored, fleet())
    losses = [{name: one.history[name] for name in ("train_loss", "stop_loss")} for one in measured]
    same_results(plain, [attrs.evolve(one, history=own) for one, own in zip(measured, losses, strict=True)])


@mostly_metal
@pytest.mark.parametrize(
    "changes",
    [{"members_per_chunk": 3}, pytest.param({"members_per_chunk": 1}, marks=pytest.mark.slow), {"row_memory": 100}],
)
def test_they_do_not_depend_on_chunks_or_on_where_the_rows_are(scored, fleet, same_results, changes):
    whole = GradientDescent().train(scored, fleet())
    other = attrs.evolve(scored, config=attrs.evolve(scored.config, **changes))
    found = GradientDescent().train(other, fleet())
    same_results(found, whole)
    assert [set(one.history) for one in found] == [set(one.history) for one in whole]
    assert "stop_accuracy" in whole[1].history


def test_without_stop_rows_there_are_none(scored):
    epochs = []
    told = attrs.evolve(scored, hooks=Hooks(epoch_end=(epochs.append,)))
    (alone,) = GradientDescent().train(told, [Member(train=np.arange(100))])
    assert set(alone.history) == {"train_loss", "stop_loss"}
    assert all(moment.metrics == {} for moment in epochs)


@mostly_metal
def test_hooks_get_them_per_member_with_nan_for_members_without_stop_rows(scored):
    epochs = []
    told = attrs.evolve(scored, hooks=Hooks(epoch_end=(epochs.append,)))
    members = [Member(train=np.arange(100)), Member(index=1, train=np.arange(100), stop=np.arange(100, 140))]
    _, watched = GradientDescent().train(told, members)
    heard = np.array([moment.metrics["accuracy"] for moment in epochs])
    assert np.isnan(heard[:, 0]).all()
    np.testing.assert_array_equal(heard[: watched.epochs, 1], watched.history["stop_accuracy"])


@mostly_metal
@pytest.mark.parametrize("changes", [{}, {"row_memory": 100}, {"members_per_chunk": 2}])
def test_they_take_no_further_read_from_the_device(scored, fleet, tmp_path, changes):
    guarded = GuardedBackend(inner=scored.backend)
    config = attrs.evolve(scored.config, checkpoint=CheckpointConfig(every_epochs=2), **changes)
    store = Checkpoints(folder=tmp_path, config=config.checkpoint)
    results = GradientDescent().train(guarded.guard(attrs.evolve(scored, config=config, checkpoints=store)), fleet(4))
    assert 0 < guarded.reads <= guarded.epochs
    assert "stop_log_loss" in results[1].history


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


@pytest.fixture
def interrupted(scored, fleet, tmp_path):
    """Return a task whose training was killed at its third checkpoint, and its checkpoints."""
    seen = []

    def kill(moment):
        seen.append(moment)
        if len(seen) == 3:
            raise Killed

    config = CheckpointConfig(seconds=float("inf"), every_epochs=1, every_steps=3)
    task = attrs.evolve(scored, config=attrs.evolve(scored.config, checkpoint=config))
    store = Checkpoints(folder=tmp_path, config=config, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        GradientDescent().train(attrs.evolve(task, checkpoints=store), fleet(4))
    return attrs.evolve(task, checkpoints=Checkpoints(folder=tmp_path, config=config))


@mostly_metal
def test_a_killed_run_is_resumed_to_the_same_metrics(interrupted, fleet, same_results):
    whole = GradientDescent().train(attrs.evolve(interrupted, checkpoints=None), fleet(4))
    resumed = GradientDescent().train(interrupted, fleet(4))
    same_results(resumed, whole)
    assert len(resumed[1].history["stop_accuracy"]) == resumed[1].epochs


@mostly_metal
def test_a_run_is_not_resumed_with_other_metrics(interrupted, fleet):
    said = r"a resumed run must have the metrics that it began with: .*f1.*; got none"
    with pytest.raises(InputError, match=said):
        GradientDescent().train(attrs.evolve(interrupted, metrics=()), fleet(4))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_center_of_stop_targets_is_one_of_those_that_count(weighted):
    schema = Schema(features=(Feature(name="x"),), target=Target(names=("y",), kind=TargetKind.REGRESSION))
    targets, weights = np.array([[7.0], [1.0], [2.0], [6.0], [np.inf]]), np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    stop = np.array([1, 2, 3, 4] if weighted else [1, 2, 3])
    rows = Rows(schema=schema, inputs={"numeric": targets}, targets=targets, weights=weights if weighted else None)
    members = [Member(train=np.arange(1), stop=stop), Member(train=np.arange(1))]
    # The mean is 3.
    assert centers(rows, members).tolist() == [[2.0], [0.0]]
