"""Fully connected layer."""

import attrs
import numpy as np
from attrs.validators import in_

from gmcore.domain import Array, Shape, Variables
from gmcore.nn.initialization import INITIALIZATIONS, Initialization
from gmcore.nn.layers.defaults import check_channels, of_one_array
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.settings import whole_number
from gmcore.ports import Layer, Pass

__all__ = ["Dense"]


@attrs.frozen
class Dense(Layer):
    """Fully connected layer, `x @ weight + bias` over the last axis.

    Attributes:
        out_features: width of the outputs.
        initialization: how weight and bias are drawn; see `gmcore.nn.initialization`.
    """

    out_features: int = attrs.field(validator=whole_number)
    initialization: Initialization = attrs.field(default="he_normal", validator=in_(INITIALIZATIONS), kw_only=True)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self._row(input_shape)[:-1], self.out_features)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        in_features = self._row(input_shape)[-1]
        weight, bias = INITIALIZATIONS[self.initialization](rng, in_features, self.out_features)
        return Variables({"weight": weight, "bias": bias})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        xp = at.xp
        check_channels(self, inputs, variables.params["weight"].shape[0])
        weight = xp.astype(variables.params["weight"], xp.compute)
        outputs = xp.matmul(xp.astype(inputs, xp.compute), weight)
        # The bias stays in `xp.float`, so that its gradient, a sum over all rows, is accumulated in it.
        return xp.astype(outputs + per_column(variables.params["bias"], outputs), xp.compute)

    def describe(self, input_shape: Shape) -> str:
        return f"Dense(in_features={input_shape[-1]}, out_features={self.out_features})"

    def _row(self, input_shape: Shape) -> Shape:
        """Return the shape of a row, which has at least one axis."""
        if not (shape := of_one_array(self, input_shape)):
            raise ValueError("Dense needs rows with at least one axis, got scalars")
        return shape
