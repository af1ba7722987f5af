"""Schedules: factors of the learning rate, or of another setting, over training."""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.nn.schedules.chained import Chained
    from gmcore.nn.schedules.constant import Constant
    from gmcore.nn.schedules.cosine import Cosine
    from gmcore.nn.schedules.cycles import CosineRestarts, Cyclic
    from gmcore.nn.schedules.decays import Exponential, InverseSqrt, Linear, Polynomial
    from gmcore.nn.schedules.one_cycle import OneCycle
    from gmcore.nn.schedules.plateau import Plateau
    from gmcore.nn.schedules.realmlp import CosLog, FlatCos
    from gmcore.nn.schedules.stairs import MultiStep, Step
    from gmcore.nn.schedules.warm_up import WarmUp

__all__ = [
    "Chained",
    "Constant",
    "CosLog",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Exponential",
    "FlatCos",
    "InverseSqrt",
    "Linear",
    "MultiStep",
    "OneCycle",
    "Plateau",
    "Polynomial",
    "Step",
    "WarmUp",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Chained": "chained",
        "Constant": "constant",
        "CosLog": "realmlp",
        "Cosine": "cosine",
        "CosineRestarts": "cycles",
        "Cyclic": "cycles",
        "Exponential": "decays",
        "FlatCos": "realmlp",
        "InverseSqrt": "decays",
        "Linear": "decays",
        "MultiStep": "stairs",
        "OneCycle": "one_cycle",
        "Plateau": "plateau",
        "Polynomial": "decays",
        "Step": "stairs",
        "WarmUp": "warm_up",
    },
)
