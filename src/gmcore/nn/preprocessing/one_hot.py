"""Category codes become columns of 0 and 1."""

from collections.abc import Iterable

import attrs
import numpy as np

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.nn.layers import codes
from gmcore.nn.layers.stateless import by_settings
from gmcore.ports import Layer, Namespace

__all__ = ["OneHot"]


@attrs.frozen
class OneHot(Layer):
    """Gives each category of each column a column of its own, and one to "missing or unknown".

    Codes are int32: 0 is missing or unknown, `i` is category `i - 1`. A category that `adapt` did not
    see is taken for code 0; where it did not see 0 either, the row is 0 in all of that column's outputs.

    Attributes:
        categories: how many each column has, not counting "missing or unknown".
    """

    categories: tuple[int, ...] = attrs.field(validator=codes.check_categories)

    describe = by_settings

    def output_shape(self, input_shape: Shape) -> Shape:
        codes.check_columns(self.categories, input_shape)
        return (int(codes.offsets(self.categories)[-1]),)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        first = codes.offsets(self.categories)
        column = np.repeat(np.arange(len(self.categories), dtype=np.int32), np.diff(first))
        return Variables(buffers={"column": column, "first": first[:-1], "place": codes.fresh_places(self.categories)})

    def adapt(self, variables: Variables, blocks: Iterable[np.ndarray]) -> Variables:
        """Return the variables with the codes of `blocks` known, and no others."""
        place, seen = codes.known_places(self.categories, blocks)
        nowhere = np.where(seen[place], place, np.int32(-1))
        return Variables(variables.params, {**variables.buffers, "place": nowhere})

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        buffers = variables.buffers
        place = codes.places(buffers["place"], inputs, buffers["first"], xp)
        # A gather and one comparison: `one_hot` would first build (batch, columns, outputs).
        wide = xp.take(place, buffers["column"], axis=-1)
        return xp.astype(wide == xp.arange(wide.shape[-1]), xp.float), buffers
