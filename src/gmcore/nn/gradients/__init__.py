"""Gradient strategies: how the gradient of a batch is computed."""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.nn.gradients.accumulation import Accumulation
    from gmcore.nn.gradients.backpropagation import Backpropagation

__all__ = ["Accumulation", "Backpropagation"]

__getattr__ = lazy_names(__name__, {"Accumulation": "accumulation", "Backpropagation": "backpropagation"})
