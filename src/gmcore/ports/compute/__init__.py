"""Ports for array libraries: backend, namespace and random numbers."""

from gmcore.ports.compute.backend import Backend, InAxes
from gmcore.ports.compute.namespace import Namespace
from gmcore.ports.compute.random import Random

__all__ = ["Backend", "InAxes", "Namespace", "Random"]
