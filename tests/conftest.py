"""Fixtures: each installed backend on the CPU, a task to train on it, and fleets to compare."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import EarlyStoppingConfig, Member, WorkflowConfig
from gmcore.domain.tree import tree_flatten
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.optimizers import AdamW
from gmcore.nn.schedules import Cosine
from gmcore.ports import TrainingTask
from gmcore.testing.fakes import TinyModel, two_moons


@pytest.fixture(params=["metal", "jax"], scope="session")
def backend(request):
    if request.param not in gmcore.float32.backends:
        pytest.skip(f"{request.param} is not installed")
    return gmcore.float32.backends.create(request.param, device="cpu")


@pytest.fixture
def task(backend):
    rows = two_moons(203)
    config = WorkflowConfig(max_epochs=6, batch_size=16, early_stopping=EarlyStoppingConfig(patience=2))
    return TrainingTask(
        model=TinyModel(schema=rows.schema),
        rows=rows,
        backend=backend,
        optimizer=AdamW(learning_rate=0.03),
        schedule=Cosine(),
        gradients=Backpropagation(),
        config=config,
    )


@pytest.fixture
def configured(task):
    """Return a call that returns the task with changes to its configuration."""
    return lambda **changes: attrs.evolve(task, config=attrs.evolve(task.config, **changes))


@pytest.fixture
def fleet():
    return ragged_fleet


@pytest.fixture
def weights():
    return all_weights


@pytest.fixture
def same_results():
    return assert_same_results


def ragged_fleet(count=8, seed=3):
    """Return members with different numbers of rows, so that some take fewer steps than others."""
    rng = np.random.default_rng(seed)
    members = []
    for index in range(count):
        rows = rng.permutation(203)[: 90 + 13 * index]
        members.append(Member(index=index, train=rows[20:], stop=rows[:20] if index % 3 else rows[:0], seed=seed))
    return members


def all_weights(results):
    flat = [tree_flatten(result.variables.params) for result in results]
    return [np.concatenate([one[name].ravel() for name in sorted(one)]) for one in flat]


def assert_same_results(found, expected):
    """Compare all that results have: variables, history, losses, epochs and failures; only the wall time may differ."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_equal(without_seconds(one), without_seconds(other))


def without_seconds(result):
    return attrs.asdict(result, filter=attrs.filters.exclude("seconds"))
