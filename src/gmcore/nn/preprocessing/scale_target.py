"""Standardisation of the targets of a regression."""

from collections.abc import Iterable

import attrs
import numpy as np

from gmcore.domain import Array, RowBlock, Shape, Variables
from gmcore.nn.layers.defaults import describe_by_repr, same_shape
from gmcore.nn.preprocessing.standardize import mean_and_scale
from gmcore.ports import Layer, Namespace, Pass, SupportsAdapt, SupportsInverse

__all__ = ["ScaleTarget"]


@attrs.frozen(kw_only=True)
class ScaleTarget(Layer, SupportsAdapt, SupportsInverse):
    """`(target - mean) / scale`, with each column's mean and population standard deviation in the training rows.

    A model that is trained on scaled targets does not depend on their units: its loss is in standard deviations, and
    `inverse` returns predictions in the units of the targets. The scale of a constant column is 1.
    """

    output_shape = same_shape
    describe = describe_by_repr

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables(buffers={"mean": np.zeros(input_shape), "scale": np.ones(input_shape)})

    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables with each column's weighted mean and scale; unchanged if there are no rows."""
        found = mean_and_scale(blocks)
        if found is None:
            return variables
        mean, scale = found
        return Variables(variables.params, {"mean": mean, "scale": np.where(scale > 0, scale, 1.0)})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        return (inputs - variables.buffers["mean"]) / variables.buffers["scale"]

    def inverse(self, variables: Variables, outputs: Array, *, xp: Namespace) -> Array:
        return outputs * variables.buffers["scale"] + variables.buffers["mean"]
