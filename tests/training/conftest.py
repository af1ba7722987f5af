"""Every backend that is installed, on the CPU, and a task to train on it."""

import attrs
import pytest

import gmcore
from gmcore.domain import EarlyStoppingConfig, WorkflowConfig
from gmcore.nn.optimizers import OPTIMIZERS
from gmcore.nn.schedules import SCHEDULES
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
        optimizer=OPTIMIZERS["adamw"](learning_rate=0.03),
        schedule=SCHEDULES["cosine"](),
        config=config,
    )


@pytest.fixture
def configured(task):
    """Return the task with some of its configuration changed."""
    return lambda **changes: attrs.evolve(task, config=attrs.evolve(task.config, **changes))
