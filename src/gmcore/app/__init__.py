"""The composition root: builds components from run files, and runs the commands."""

from gmcore.app.commands.cross_validate import cross_validate
from gmcore.app.commands.resume import resume
from gmcore.app.commands.search import search
from gmcore.app.commands.train import train
from gmcore.app.composing.backends import ChosenBackend, backend_devices, choose_backend
from gmcore.app.composing.run import Run, open_run
from gmcore.app.records.results import CrossValidated, Searched, Trained
from gmcore.app.records.trained_model import TrainedModel, load
from gmcore.app.searching.candidates import Plan, plan_of
from gmcore.app.searching.fleets import Fleet, fleets_of

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
    "resume",
    "search",
    "train",
]
