"""What it costs to watch a training: gmcore's epochs with logging, validation, metrics and checkpoints, one by one."""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from problems import NETWORKS
from steps import Case, rows_of

import gmcore
from gmcore.domain import CheckpointConfig, Hooks, Member, WorkflowConfig
from gmcore.nn.optimizers import OPTIMIZERS
from gmcore.nn.schedules import SCHEDULES
from gmcore.ports import TrainingTask
from gmcore.training import GradientDescent
from gmcore.training.checkpoint import Checkpoints
from gmcore.training.run_folder import RunFolder

__all__ = ["epochs", "hand_written"]

EPOCHS = 7
STEPS = 512


def case_of(key):
    """Return a network with epochs long enough to be an epoch."""
    return Case(**{**NETWORKS[key], "steps": STEPS, "epochs": EPOCHS})


def epochs(backend, device, watched, metrics, log, checkpoints):
    """Measure milliseconds an epoch of one member.

    Args:
        backend: gmcore's name for it.
        device: the backend's.
        watched: the share of rows that is held out and looked at after every epoch.
        metrics: names; computed on those rows.
        log: whether a run folder's `metrics.jsonl` is written.
        checkpoints: epochs between two, 0 for none.
    """
    made = gmcore.float32.backends.create(backend, device=device)

    def measure(key):
        case = case_of(key)
        rows = rows_of(case)
        with tempfile.TemporaryDirectory() as folder:
            moments = []
            listeners = [RunFolder(Path(folder)).log_epoch] if log else []
            hooks = Hooks(epoch_end=(*listeners, lambda _: moments.append(time.perf_counter())))
            config = CheckpointConfig(seconds=float("inf"), every_epochs=checkpoints or None)
            task = TrainingTask(
                model=gmcore.float32.model_providers.create("mlp", hidden=case.sizes[1:-1]).create(rows.schema),
                rows=rows,
                backend=made,
                optimizer=OPTIMIZERS["adam"](learning_rate=1e-3),
                schedule=SCHEDULES["constant"](),
                config=WorkflowConfig(max_epochs=EPOCHS, batch_size=case.batch, checkpoint=config),
                metrics=tuple(gmcore.float32.metric_computers.create(name) for name in metrics),
                hooks=hooks,
                checkpoints=Checkpoints(folder=Path(folder), config=config, hooks=hooks) if checkpoints else None,
            )
            everyone = np.arange(len(rows))
            # The same steps are trained on whether or not others are watched: what is watched is seen twice.
            stop = everyone[: int(watched * len(rows))]
            GradientDescent().train(task, [Member(train=everyone, stop=stop)])
        return {"ms": statistics.median(np.diff(moments)[1:]) * 1e3}

    return measure


def hand_written(backend, device):
    """Measure milliseconds an epoch of the step in `by_hand.py`."""
    from by_hand import BY_HAND
    from sides.hand_written import prepare

    prepare(backend)
    made = {}

    def measure(key):
        case = case_of(key)
        if key not in made:
            made[key] = BY_HAND[backend](case.sizes, case.batch, case.steps, 1, rows_of(case), device)
        return {"ms": statistics.median(made[key](EPOCHS)[2:]) * case.steps / 1e3}

    return measure
