"""gmcore's sides: the whole loop, with everything that a user's call does."""

import itertools
import statistics
import time

import attrs
from problems import BATCH, NETWORKS, RATE, SIZES, digits, folds
from steps import Case, gmcore_epochs, rows_of

import gmcore
from gmcore.domain import Hooks

__all__ = ["cross_validation", "fleets", "steps"]


def steps(backend, device):
    """Measure microseconds per step of each network."""
    made = gmcore.float32.backends.create(backend, device=device)

    def measure(key):
        case = Case(**NETWORKS[key])
        return {"us": statistics.median(gmcore_epochs(case, 1, made, rows_of(case)))}

    return measure


def fleets(backend, device):
    """Measure microseconds per step and model, by number of models that train at once."""
    made = gmcore.float32.backends.create(backend, device=device)
    case = Case(**NETWORKS["10-16-2 batch 8"])

    def measure(key):
        many = int(key)
        shorter = attrs.evolve(case, epochs=8 if many > 10 else 16)
        return {"us a model": statistics.median(gmcore_epochs(shorter, many, made, rows_of(case))) / many}

    return measure


@attrs.frozen
class _Folds:
    """The folds of all sides, with the interface of scikit-learn's splitters."""

    def split(self, x, y=None, groups=None):  # noqa: ARG002 - scikit-learn's signature
        return folds(len(x))


def cross_validation(backend, device):
    """Measure the public call on arrays; `epochs alone` leaves out compiling, planning and scoring."""
    x, y = digits()
    seeds = itertools.count()

    def measure(epochs):
        epochs = int(epochs)
        moments = []
        begun = time.perf_counter()
        done = gmcore.cross_validate(
            x, y, seed=next(seeds), backend={"use": backend, "device": device}, validation=_Folds(),
            model={"use": "mlp", "hidden": list(SIZES[1:-1])}, metrics=["log_loss"],
            training={
                "max_epochs": epochs, "batch_size": BATCH, "optimizer": {"use": "adam", "learning_rate": RATE}
            },
            hooks=Hooks(epoch_end=(lambda _: moments.append(time.perf_counter()),)),
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        between = [after - before for before, after in itertools.pairwise(moments)]
        return {
            "s": seconds,
            "epochs alone s": statistics.median(between[1:]) * epochs,
            "log loss": done.result.mean["log_loss"],
            "setting": "one fleet",
        }

    return measure
