"""One-hot encoding of category codes."""

from collections.abc import Iterable

import attrs
import numpy as np

from gmcore.domain import Array, RowBlock, Shape, Variables
from gmcore.nn.layers import codes
from gmcore.nn.layers.defaults import describe_by_repr
from gmcore.ports import Layer, Pass

__all__ = ["OneHot"]


@attrs.frozen
class OneHot(Layer):
    """One-hot encodes each column: one output for each category, and one for "missing or unknown".

    Codes are int32: 0 means missing or unknown, `i` is category `i - 1`. Categories not seen by `adapt` are
    encoded as code 0; if `adapt` saw no code 0 either, all outputs of that column are 0.

    Attributes:
        categories: number of categories of each column, without "missing or unknown".
    """

    categories: tuple[int, ...] = attrs.field(validator=codes.check_categories)

    describe = describe_by_repr

    def output_shape(self, input_shape: Shape) -> Shape:
        codes.check_columns(self, self.categories, input_shape)
        return (int(codes.offsets(self.categories)[-1]),)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        first = codes.offsets(self.categories)
        column = np.repeat(np.arange(len(self.categories), dtype=np.int32), np.diff(first))
        return Variables(buffers={"column": column, "first": first[:-1], "place": codes.fresh_places(self.categories)})

    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables in which only the codes that occur in `blocks` have their own outputs."""
        place, seen = codes.known_places(self.categories, blocks)
        nowhere = np.where(seen[place], place, np.int32(-1))
        return Variables(variables.params, {**variables.buffers, "place": nowhere})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        xp, buffers = at.xp, variables.buffers
        place = codes.places(buffers["place"], inputs, buffers["first"], xp)
        # A gather and one comparison, since `one_hot` would first build (batch, columns, outputs).
        wide = xp.take(place, buffers["column"], axis=-1)
        return xp.astype(wide == xp.arange(wide.shape[-1]), xp.float)
