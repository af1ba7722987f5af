"""Settings of a search that are each member's own: the seed of what takes one, and the numbers of a loss."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.ports import Schedule


@attrs.frozen(kw_only=True)
class SeededRate(Schedule):
    """A factor that depends on the run's seed."""

    seed: int = 0

    def factor(self, step, total_steps, steps_per_epoch):
        return np.full(np.broadcast_shapes(np.shape(step), np.shape(total_steps)), 0.1 + self.seed % 7)


@pytest.fixture
def seeded_rate():
    gmcore.float32.schedules.register("seeded_rate", SeededRate)
    yield "seeded_rate"
    gmcore.float32.schedules.unregister("seeded_rate")


def test_a_schedule_with_the_runs_seed_is_each_trials_own(seeded_rate):
    points = np.random.default_rng(0).normal(size=(60, 3))
    classes = np.where(points[:, 0] > 0, "a", "b")
    settings = {
        "model": {"use": "mlp", "hidden": [4]},
        "training": {"max_epochs": 2, "schedule": seeded_rate},
        "backend": {"use": "jax", "device": "cpu"},
    }
    done = gmcore.search(points, classes, folds=3, search={"space": {"seed": [1, 2, 3]}}, **settings)
    for trial in done.trials:
        alone = gmcore.cross_validate(points, classes, folds=3, seed=trial.settings["seed"], **settings)
        assert trial.mean == alone.result.mean


def test_numbers_of_a_regressions_loss_are_members_own():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(90, 3))
    values = points[:, 0] * 3 + rng.standard_t(1.5, 90)
    settings = {
        "model": {"use": "mlp", "hidden": [4], "loss": {"use": "huber"}},
        "training": {"max_epochs": 3, "optimizer": {"use": "adamw", "learning_rate": 0.05}},
        "validation": {"use": "kfold", "n_splits": 3},
    }
    done = gmcore.search(points, values, search={"space": {"model.loss.delta": [0.1, 1.0, 10.0]}}, **settings)
    assert done.metric == "rmse"
    for trial in done.trials:
        loss = {"use": "huber", "delta": trial.settings["model.loss.delta"]}
        changed = {**settings, "model": {**settings["model"], "loss": loss}}
        found = gmcore.cross_validate(points, values, **changed).result
        assert trial.mean == found.mean
