"""The composition root: names in a run file become objects, and a person's request becomes a run."""

from gmcore.app.backends import ChosenBackend, backend_devices, choose_backend
from gmcore.app.candidates import Plan, plan_of
from gmcore.app.commands import cross_validate, train
from gmcore.app.fleets import Fleet, fleets_of
from gmcore.app.results import CrossValidated, Searched, Trained
from gmcore.app.resume import resume
from gmcore.app.run import Run, open_run, registry_for
from gmcore.app.search import search
from gmcore.app.trained_model import TrainedModel, load

__all__ = [
    "ChosenBackend",
    "CrossValidated",
    "Fleet",
    "Plan",
    "Run",
    "Searched",
    "Trained",
    "TrainedModel",
    "backend_devices",
    "choose_backend",
    "cross_validate",
    "fleets_of",
    "load",
    "open_run",
    "plan_of",
    "registry_for",
    "resume",
    "search",
    "train",
]
