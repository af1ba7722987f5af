"""Optimizers, by torch's formulas, and `Rule`, which new ones are written with.

`pyproject.toml` registers them under `gmcore.optimizers`; `gmcore.float32.optimizers` has them by name.
"""

from gmcore.nn.optimizers.adam import Adam
from gmcore.nn.optimizers.adamw import AdamW
from gmcore.nn.optimizers.rmsprop import RMSProp
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Leaf", "RMSProp", "Rule", "Slots"]
