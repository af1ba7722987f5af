"""Learning-rate schedules: factors of the learning rate over training."""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.nn.schedules.constant import Constant
    from gmcore.nn.schedules.cosine import Cosine
    from gmcore.nn.schedules.plateau import Plateau
    from gmcore.nn.schedules.warm_up import WarmUp

__all__ = ["Constant", "Cosine", "Plateau", "WarmUp"]

__getattr__ = lazy_names(
    __name__,
    {
        "Constant": "constant",
        "Cosine": "cosine",
        "Plateau": "plateau",
        "WarmUp": "warm_up",
    },
)
