"""Ports of array libraries: a backend, its namespace and its random numbers."""

from gmcore.ports.compute.backend import Backend
from gmcore.ports.compute.namespace import Namespace
from gmcore.ports.compute.random import Random

__all__ = ["Backend", "Namespace", "Random"]
