"""Learning-rate schedules: factors of the learning rate over training."""

from gmcore.nn.schedules.constant import Constant
from gmcore.nn.schedules.cosine import Cosine
from gmcore.nn.schedules.warm_up import WarmUp

__all__ = ["Constant", "Cosine", "WarmUp"]
