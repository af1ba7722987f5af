"""Optimizers, schedules, strategies and losses with needs of their own give the same bits however a run is cut."""

import attrs
import numpy as np
import pytest

from gmcore.domain import AverageConfig, CheckpointConfig, Feature, Hooks, Schema, Target, TargetKind
from gmcore.nn.gradients import Accumulation
from gmcore.nn.layers import Concatenate, Dense, Sequential
from gmcore.nn.losses import PearsonCorrelation
from gmcore.nn.network import Network
from gmcore.nn.optimizers import LBFGS, SGD, Adafactor, Group, Grouped
from gmcore.nn.schedules import Cosine, Plateau, WarmUp
from gmcore.storage.checkpoint import Checkpoints
from gmcore.training import GradientDescent

WORKFLOW = GradientDescent()
EVERY = CheckpointConfig(seconds=float("inf"), every_steps=3, every_epochs=1)
# Reduces the learning rate after every epoch but those that more than halve the loss.
IMPATIENT = WarmUp(Plateau(patience=0, threshold=0.5, reduction=0.5), steps=3)
WAYS = {
    "lbfgs": {"optimizer": LBFGS(history=3, evaluations=4), "batch_size": 256},
    "plateau": {"schedule": IMPATIENT},
    "accumulation": {"gradients": Accumulation(parts=3)},
    "pearson": {"loss": PearsonCorrelation(), "optimizer": SGD(learning_rate=0.1)},
    "drop_last": {"drop_last": True},
    "grouped": {"optimizer": Grouped(optimizer=Adafactor(), groups=(Group(pattern="*bias", rate=0.5),))},
    "averaged": {
        "average": AverageConfig(kind="swa", start_epoch=2),
        "clip_norm": 0.5,
        "gradient_norms": True,
        "schedules": {"weight_decay": Cosine(), "dropout": Cosine()},
    },
}
OF_CONFIG = ("batch_size", "drop_last", "average", "clip_norm", "gradient_norms")


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


# What is cut and resumed is the trainer's work: with the other backend, one way stands for all.
JAX = ("accumulation",)
EACH = pytest.mark.parametrize(
    ("backend", "way"),
    [
        pytest.param(backend, way, marks=() if backend == "metal" or way in JAX else pytest.mark.slow)
        for backend in ("metal", "jax")
        for way in WAYS
    ],
    indirect=True,
)


@pytest.fixture
def way(configured, request):
    """Return a call that returns a task with one of the ways, and other changes to its configuration."""

    def task(**changes):
        options = dict(WAYS[request.param])
        of_config = {name: options.pop(name) for name in OF_CONFIG if name in options}
        there = configured(max_epochs=4, **of_config, **changes)
        loss = options.pop("loss", None)
        return attrs.evolve(of_numbers(there, loss) if loss else there, **options)

    return task


def of_numbers(task, loss):
    """Return a task of a regression with a loss."""
    numbers = task.rows.inputs["numeric"]
    target = Target(names=("height",), kind=TargetKind.REGRESSION)
    schema = Schema(features=(Feature(name="x"), Feature(name="y")), target=target)
    targets = np.sin(numbers[:, :1]) + numbers[:, 1:]
    rows = attrs.evolve(task.rows, schema=schema, targets=targets)
    layer = Sequential((Concatenate({"numeric": Dense(6)}), Dense(1)))
    return attrs.evolve(task, rows=rows, model=Network(layer, loss, schema))


@EACH
@pytest.mark.parametrize("size", [5, pytest.param(3, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.slow)])
def test_results_do_not_depend_on_the_chunking(way, size, fleet, same_results):
    whole = WORKFLOW.train(way(members_per_chunk=10), fleet(10))
    same_results(WORKFLOW.train(way(members_per_chunk=size), fleet(10)), whole)


@EACH
def test_a_resumed_run_gives_the_bits_of_an_uninterrupted_one(way, fleet, tmp_path, same_results):
    task, saved = way(checkpoint=EVERY), []

    def kill(moment):
        saved.append(moment)
        if len(saved) == 3:
            raise Killed

    store = Checkpoints(folder=tmp_path, config=EVERY, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        WORKFLOW.train(attrs.evolve(task, checkpoints=store), fleet(3))
    resumed = WORKFLOW.train(attrs.evolve(task, checkpoints=Checkpoints(folder=tmp_path, config=EVERY)), fleet(3))
    same_results(resumed, WORKFLOW.train(task, fleet(3)))
