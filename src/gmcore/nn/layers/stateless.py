"""What layers without variables have in common, one function a method."""

from typing import Any

import numpy as np

from gmcore.domain import Shape, Variables
from gmcore.ports import Layer

__all__ = ["by_settings", "no_variables", "same_shape"]


def same_shape(layer: Layer, input_shape: Shape) -> Shape:
    """Return the shape that came in."""
    return input_shape


def no_variables(layer: Layer, rng: np.random.Generator, input_shape: Any) -> Variables:
    """Return nothing to learn and nothing to remember."""
    return Variables()


def by_settings(layer: Layer, input_shape: Any) -> str:
    """Return the layer as it would be written."""
    return repr(layer)
