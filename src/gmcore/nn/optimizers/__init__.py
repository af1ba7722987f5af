"""Optimizers, by torch's formulas, and `Rule`, which new ones are written with.

`pyproject.toml` registers them under `gmcore.optimizers`; `gmcore.float32.optimizers` has them by name.
"""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.nn.optimizers.adafactor import Adafactor
    from gmcore.nn.optimizers.adagrad import Adadelta, Adagrad
    from gmcore.nn.optimizers.adam import Adam, AdamW
    from gmcore.nn.optimizers.adam_variants import Adamax, NAdam, RAdam
    from gmcore.nn.optimizers.compiled_step import compiled_step
    from gmcore.nn.optimizers.grouped import Group, Grouped
    from gmcore.nn.optimizers.lamb import LAMB
    from gmcore.nn.optimizers.lbfgs import LBFGS
    from gmcore.nn.optimizers.lion import Lion
    from gmcore.nn.optimizers.rmsprop import RMSProp
    from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
    from gmcore.nn.optimizers.sgd import SGD

__all__ = [
    "LAMB",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Group",
    "Grouped",
    "Leaf",
    "Lion",
    "NAdam",
    "RAdam",
    "RMSProp",
    "Rule",
    "Slots",
    "compiled_step",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Adadelta": "adagrad",
        "Adafactor": "adafactor",
        "Adagrad": "adagrad",
        "Adam": "adam",
        "AdamW": "adam",
        "Adamax": "adam_variants",
        "Group": "grouped",
        "Grouped": "grouped",
        "LAMB": "lamb",
        "LBFGS": "lbfgs",
        "Leaf": "rule",
        "Lion": "lion",
        "NAdam": "adam_variants",
        "RAdam": "adam_variants",
        "RMSProp": "rmsprop",
        "Rule": "rule",
        "SGD": "sgd",
        "Slots": "rule",
        "compiled_step": "compiled_step",
    },
)
