"""The sides of `by_hand.py`: the training step hand-written in the array library of gmcore's backend."""

import os
import statistics

from by_hand import BY_HAND
from problems import NETWORKS
from steps import Case, rows_of

__all__ = ["fleets", "prepare", "steps"]


def steps(backend, device):
    """Measure microseconds per step of each network."""
    prepare(backend)
    made = {}

    def measure(key):
        case = Case(**NETWORKS[key])
        if key not in made:
            made[key] = BY_HAND[backend](case.sizes, case.batch, case.steps, 1, rows_of(case), device)
        return {"us": statistics.median(made[key](case.epochs)[2:])}

    return measure


def fleets(backend, device):
    """Measure microseconds per step and model, by number of models that train at once."""
    prepare(backend)
    case, made = Case(**NETWORKS["10-16-2 batch 8"]), {}

    def measure(key):
        many = int(key)
        if key not in made:
            made[key] = BY_HAND[backend](case.sizes, case.batch, case.steps, many, rows_of(case), device)
        return {"us a model": statistics.median(made[key](8 if many > 10 else 16)[2:]) / many}

    return measure


def prepare(backend):
    """Load the optimised BLAS that gmcore's backend uses with MLX, in its fastest mode."""
    if backend == "metal":
        from gm_metal_backend.library import load

        os.environ.setdefault("MKL_CBWR", "")
        load()
