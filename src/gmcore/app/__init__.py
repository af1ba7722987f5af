"""The composition root: builds components from run files, and runs the commands."""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.app.commands.cross_validate import cross_validate
    from gmcore.app.commands.find_rate import find_rate
    from gmcore.app.commands.resume import resume
    from gmcore.app.commands.search import search
    from gmcore.app.commands.train import train
    from gmcore.app.composing.backends import ChosenBackend, backend_devices, choose_backend
    from gmcore.app.composing.run import Run, open_run
    from gmcore.app.records.rate_finding import RateFinding
    from gmcore.app.records.results import CrossValidated, Searched, Trained
    from gmcore.app.records.trained_model import TrainedModel, load
    from gmcore.app.searching.fleets import Fleet, fleets_of
    from gmcore.app.searching.plan import Plan, plan_of

__all__ = [
    "ChosenBackend",
    "CrossValidated",
    "Fleet",
    "Plan",
    "RateFinding",
    "Run",
    "Searched",
    "Trained",
    "TrainedModel",
    "backend_devices",
    "choose_backend",
    "cross_validate",
    "find_rate",
    "fleets_of",
    "load",
    "open_run",
    "plan_of",
    "resume",
    "search",
    "train",
]

__getattr__ = lazy_names(
    __name__,
    {
        "ChosenBackend": "composing.backends",
        "CrossValidated": "records.results",
        "Fleet": "searching.fleets",
        "Plan": "searching.plan",
        "RateFinding": "records.rate_finding",
        "Run": "composing.run",
        "Searched": "records.results",
        "Trained": "records.results",
        "TrainedModel": "records.trained_model",
        "backend_devices": "composing.backends",
        "choose_backend": "composing.backends",
        "cross_validate": "commands.cross_validate",
        "find_rate": "commands.find_rate",
        "fleets_of": "searching.fleets",
        "load": "records.trained_model",
        "open_run": "composing.run",
        "plan_of": "searching.plan",
        "resume": "commands.resume",
        "search": "commands.search",
        "train": "commands.train",
    },
)
