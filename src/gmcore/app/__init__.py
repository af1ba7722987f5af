"""The composition root: names in a run file become objects, and a person's request becomes a run."""

from gmcore.app.backends import ChosenBackend, backend_devices, choose_backend
from gmcore.app.commands import cross_validate, train
from gmcore.app.results import CrossValidated, Trained
from gmcore.app.resume import resume
from gmcore.app.run import Run, open_run, registry_for
from gmcore.app.trained_model import TrainedModel, load

__all__ = [
    "ChosenBackend",
    "CrossValidated",
    "Run",
    "Trained",
    "TrainedModel",
    "backend_devices",
    "choose_backend",
    "cross_validate",
    "load",
    "open_run",
    "registry_for",
    "resume",
    "train",
]
