"""The search strategies that gmcore registers itself."""

from gmcore.builtins.strategies.grid import Grid
from gmcore.builtins.strategies.random import Random

__all__ = ["Grid", "Random"]
