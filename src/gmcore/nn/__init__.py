"""Layers, losses, optimizers and schedules: written once, against a backend's namespace."""

from gmcore.nn.network import Network
from gmcore.nn.summary import summarize

__all__ = ["Network", "summarize"]
