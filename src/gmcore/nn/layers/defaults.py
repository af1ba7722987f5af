"""Method implementations that several layers share; a layer assigns them in its class body."""

from typing import Any

from gmcore.domain import Shape
from gmcore.ports import Layer

__all__ = ["describe_by_repr", "same_shape"]


def same_shape(layer: Layer, input_shape: Shape) -> Shape:
    """Return the input shape, as `output_shape` of a layer that keeps it."""
    return input_shape


def describe_by_repr(layer: Layer, input_shape: Any) -> str:
    """Return the layer's repr, as `describe` of a layer whose settings say everything."""
    return repr(layer)
