"""Rows in another shape."""

import math
from collections.abc import Iterable

import attrs
import numpy as np

from gmcore.domain import Array, Shape, Variables
from gmcore.nn.layers.defaults import describe_by_repr, of_one_array
from gmcore.ports import Layer, Pass

__all__ = ["Reshape"]


def _sizes(shape: Iterable[int]) -> Shape:
    return tuple(shape)


@attrs.frozen
class Reshape(Layer):
    """Gives each row another shape of as many numbers, the last axis moving fastest.

    Attributes:
        shape: the shape of a row.
    """

    shape: Shape = attrs.field(converter=_sizes, metadata={"accepts": tuple[int, ...]})

    describe = describe_by_repr

    @shape.validator
    def _check_shape(self, _: object, value: Shape) -> None:
        if not value or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in value):
            raise ValueError(f"shape of Reshape must be one or more sizes above 0, got {value}")

    def output_shape(self, input_shape: Shape) -> Shape:
        given = of_one_array(self, input_shape)
        if math.prod(given) != math.prod(self.shape):
            raise ValueError(f"Reshape can't give rows of shape {given} the shape {self.shape}, of another size")
        return self.shape

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables()

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        return at.xp.reshape(inputs, (inputs.shape[0], *self.shape))
