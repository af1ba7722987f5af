"""How gradients change parameters, by torch's formulas."""

from collections.abc import Mapping
from types import MappingProxyType

from gmcore.nn.optimizers.adam import Adam
from gmcore.nn.optimizers.adamw import AdamW
from gmcore.nn.optimizers.sgd import SGD
from gmcore.ports import Optimizer

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW"]

OPTIMIZERS: Mapping[str, type[Optimizer]] = MappingProxyType({"sgd": SGD, "adam": Adam, "adamw": AdamW})
"""What a run file calls them."""
