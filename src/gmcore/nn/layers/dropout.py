"""Dropout."""

from typing import ClassVar

import attrs
import numpy as np
from attrs.validators import and_, ge, lt

from gmcore.domain import Array, Shape, Variables
from gmcore.nn.layers.defaults import describe_by_repr, same_shape
from gmcore.ports import Layer, Pass

__all__ = ["Dropout"]


@attrs.frozen
class Dropout(Layer):
    """In training, sets each input to 0 with probability `rate` and divides the others by `1 - rate`.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014).

    The rate is a buffer, so that it can differ between the members of a fleet.

    Attributes:
        rate: probability that an input is dropped, from 0 to below 1.
    """

    random: ClassVar[bool] = True
    rate: float = attrs.field(validator=and_(ge(0.0), lt(1.0)))

    output_shape = same_shape
    describe = describe_by_repr

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables(buffers={"rate": np.array(self.rate, np.float64)})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        if not at.training:
            return inputs
        xp, rate = at.xp, variables.buffers["rate"]
        kept = xp.random.uniform(at.key, inputs.shape) >= rate
        return xp.where(kept, inputs / xp.astype(1 - rate, inputs.dtype), 0.0)
