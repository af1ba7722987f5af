"""Train fleets of models with plugins for data, models, validation and compute."""

__version__ = "0.1.0"
