"""Rows of any shape as vectors."""

import math

import attrs
import numpy as np

from gmcore.domain import Array, Shape, Variables
from gmcore.nn.layers.defaults import describe_by_repr, of_one_array
from gmcore.ports import Layer, Pass

__all__ = ["Flatten"]


@attrs.frozen
class Flatten(Layer):
    """Makes one axis of all axes of a row, the last one moving fastest."""

    describe = describe_by_repr

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(of_one_array(self, input_shape)),)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables()

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        return at.xp.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))
