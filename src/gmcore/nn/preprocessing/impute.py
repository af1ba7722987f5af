"""Missing numbers become typical ones."""

from collections.abc import Iterable
from typing import Literal

import attrs
import numpy as np
from attrs.validators import in_

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.layers.stateless import by_settings, same_shape
from gmcore.nn.preprocessing.statistics import means, medians
from gmcore.ports import Layer, Namespace

__all__ = ["Impute"]


@attrs.frozen(kw_only=True)
class Impute(Layer):
    """Puts a number that it learnt for each column in the place of NaN.

    Attributes:
        strategy: the column's `"mean"` or `"median"` over what is there; 0 where nothing is.
    """

    strategy: Literal["mean", "median"] = attrs.field(default="mean", validator=in_(("mean", "median")))

    output_shape = same_shape
    describe = by_settings

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables(buffers={"fill": np.zeros(input_shape)})

    def adapt(self, variables: Variables, blocks: Iterable[np.ndarray]) -> Variables:
        """Return the variables with each column's typical number; as they were if there are no rows."""
        typical = means if self.strategy == "mean" else medians
        fill = typical(blocks)
        return variables if fill is None else Variables(variables.params, {"fill": fill})

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        return xp.where(xp.isnan(inputs), per_column(variables.buffers["fill"], inputs), inputs), variables.buffers
