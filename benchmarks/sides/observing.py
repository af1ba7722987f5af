"""The cost of observing training: gmcore's epochs with logging, stop rows, metrics and checkpoints."""

import itertools
import math
import statistics
import tempfile
import time

from problems import NETWORKS, random_rows
from steps import Case, rows_of

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Hooks, SplitConfig

__all__ = ["WAYS", "ways"]

EPOCHS = 5
STEPS = 512

_OFF = {"watched": 0.0, "metrics": ["accuracy"], "log": False, "checkpoints": False}
_WATCHED = {"watched": 0.1, "metrics": ["accuracy", "log_loss", "f1"]}
WAYS = {
    "everything off": _OFF,
    "folder and log": {**_OFF, "log": True},
    "rows watched, metrics": {**_OFF, **_WATCHED},
    "a checkpoint every epoch": {**_OFF, "log": True, "checkpoints": True},
    "all of it": {"log": True, "checkpoints": True, **_WATCHED},
}


def ways(backend, device):
    """Measure milliseconds per epoch, hand-written and of `gmcore.train` in each of `WAYS`, in turns."""
    sides = {
        "by hand": _hand_written(backend, device),
        **{name: _epochs(backend, device, **options) for name, options in WAYS.items()},
    }
    turns = itertools.count()

    def measure(key):
        # Rotated, so that none always follows the same other one.
        first = next(turns) % len(sides)
        names = list(sides)
        found = {name: sides[name](key) for name in names[first:] + names[:first]}
        return found | {"ratio": found["all of it"] / found["by hand"]}

    return measure


def _case_of(key):
    """Return the network with longer epochs."""
    return Case(**{**NETWORKS[key], "steps": STEPS, "epochs": EPOCHS})


def _epochs(backend, device, watched, metrics, log, checkpoints):
    """Measure milliseconds per epoch of `gmcore.train`.

    Args:
        backend: name of gmcore's backend.
        device: the backend's device.
        watched: fraction of all rows that is evaluated after every epoch; the number of training steps stays the same.
        metrics: names of the metrics.
        log: whether there is a run folder, with log and a checkpoint once a minute.
        checkpoints: whether there is a checkpoint after every epoch; needs `log`.
    """

    def measure(key):
        case = _case_of(key)
        x, y = random_rows(case.sizes, math.ceil(case.batch * case.steps / (1 - watched)))
        moments = []
        with tempfile.TemporaryDirectory() as folder:
            gmcore.train(
                ArrayData(x, y, validation=SplitConfig(fraction=watched) if watched else None),
                runs=folder if log else None,
                backend={"use": backend, "device": device},
                model={"use": "mlp", "hidden": list(case.sizes[1:-1])},
                training={
                    "max_epochs": EPOCHS,
                    "batch_size": case.batch,
                    "optimizer": {"use": "adam"},
                    "checkpoint": {"every_epochs": 1} if checkpoints else {},
                },
                metrics=metrics,
                hooks=Hooks(epoch_end=(lambda _: moments.append(time.perf_counter()),)),
            )
        between = [after - before for before, after in itertools.pairwise(moments)]
        return statistics.median(between[1:]) * 1e3

    return measure


def _hand_written(backend, device):
    """Measure milliseconds per epoch of the step in `by_hand.py`."""
    from by_hand import BY_HAND
    from sides.hand_written import prepare

    prepare(backend)
    made = {}

    def measure(key):
        case = _case_of(key)
        if key not in made:
            made[key] = BY_HAND[backend](case.sizes, case.batch, case.steps, 1, rows_of(case), device)
        return statistics.median(made[key](EPOCHS)[1:]) * case.steps / 1e3

    return measure
