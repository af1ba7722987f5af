"""Optimizers, by torch's formulas, and `Rule`, which new ones are written with.

`pyproject.toml` registers them under `gmcore.optimizers`; `gmcore.float32.optimizers` has them by name.
"""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.nn.optimizers.adam import Adam
    from gmcore.nn.optimizers.adamw import AdamW
    from gmcore.nn.optimizers.lbfgs import LBFGS
    from gmcore.nn.optimizers.rmsprop import RMSProp
    from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
    from gmcore.nn.optimizers.sgd import SGD

__all__ = ["LBFGS", "SGD", "Adam", "AdamW", "Leaf", "RMSProp", "Rule", "Slots"]

__getattr__ = lazy_names(
    __name__,
    {
        "Adam": "adam",
        "AdamW": "adamw",
        "LBFGS": "lbfgs",
        "Leaf": "rule",
        "RMSProp": "rmsprop",
        "Rule": "rule",
        "SGD": "sgd",
        "Slots": "rule",
    },
)
