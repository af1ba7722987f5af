"""How wrong outputs are: one number a sample, by torch's formulas."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gmcore.domain import Array
from gmcore.nn.losses.absolute_error import mae
from gmcore.nn.losses.binary_cross_entropy import binary_cross_entropy
from gmcore.nn.losses.cross_entropy import cross_entropy, dense_cross_entropy
from gmcore.nn.losses.huber import huber
from gmcore.nn.losses.label_smoothing import smoothed_binary_cross_entropy, smoothed_cross_entropy
from gmcore.nn.losses.squared_error import mse
from gmcore.ports import Namespace

__all__ = [
    "LOSSES",
    "Loss",
    "binary_cross_entropy",
    "cross_entropy",
    "dense_cross_entropy",
    "huber",
    "mae",
    "mse",
    "smoothed_binary_cross_entropy",
    "smoothed_cross_entropy",
]

Loss = Callable[[Namespace, Array, Array], Array]
"""`loss(xp, outputs, targets)` returns one number a sample, `(batch,)`."""

LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "mse": mse,
        "mae": mae,
        "huber": huber,
        "cross_entropy": cross_entropy,
        "dense_cross_entropy": dense_cross_entropy,
        "binary_cross_entropy": binary_cross_entropy,
    }
)
"""What a run file calls them."""
