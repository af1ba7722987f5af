"""Imputation of missing numbers."""

from collections.abc import Iterable
from typing import Literal

import attrs
import numpy as np
from attrs.validators import in_

from gmcore.domain import Array, RowBlock, Shape, Variables
from gmcore.nn.layers.defaults import describe_by_repr, same_shape
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.preprocessing.statistics import means, medians
from gmcore.ports import Layer, Pass

__all__ = ["Impute"]


@attrs.frozen(kw_only=True)
class Impute(Layer):
    """Replaces NaN by the column's mean or median in the training rows.

    Attributes:
        strategy: weighted `"mean"` or `"median"` of the column's values that are not NaN; 0 if there is none.
    """

    strategy: Literal["mean", "median"] = attrs.field(default="mean", validator=in_(("mean", "median")))

    output_shape = same_shape
    describe = describe_by_repr

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables(buffers={"fill": np.zeros(input_shape)})

    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables with each column's weighted mean or median; unchanged if there are no rows."""
        fill = means(blocks) if self.strategy == "mean" else medians(blocks)
        return variables if fill is None else Variables(variables.params, {"fill": fill})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        return at.xp.where(at.xp.isnan(inputs), per_column(variables.buffers["fill"], inputs), inputs)
