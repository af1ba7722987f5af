"""Learned vectors for category codes."""

from collections.abc import Iterable

import attrs
import numpy as np
from attrs.validators import ge

from gmcore.domain import Array, RowBlock, Shape, Variables
from gmcore.nn.layers import codes
from gmcore.nn.layers.defaults import describe_by_repr
from gmcore.ports import Layer, Pass

__all__ = ["Embedding"]


@attrs.frozen
class Embedding(Layer):
    """Maps each category code to a learned vector and concatenates the vectors of a row's columns.

    Codes are int32: 0 means missing or unknown, `i` is category `i - 1`. Categories not seen by `adapt`
    share the vector of code 0; if `adapt` saw no code 0 either, that vector is 0 and gets no gradient.
    Vectors are drawn with mean 0 and standard deviation `1 / sqrt(size)`, so that their expected squared
    length is 1, that of a one-hot vector.

    Attributes:
        categories: number of categories of each column, without "missing or unknown".
        size: length of one vector.
    """

    categories: tuple[int, ...] = attrs.field(validator=codes.check_categories)
    size: int = attrs.field(validator=ge(1))

    describe = describe_by_repr

    def output_shape(self, input_shape: Shape) -> Shape:
        codes.check_columns(self, self.categories, input_shape)
        return (len(self.categories) * self.size,)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        first = codes.offsets(self.categories)
        weight = rng.standard_normal((first[-1], self.size)) / np.sqrt(self.size)
        return Variables({"weight": weight}, {"first": first[:-1], "place": codes.fresh_places(self.categories)})

    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables in which only the codes that occur in `blocks` have their own vectors."""
        place, seen = codes.known_places(self.categories, blocks)
        weight = np.where(seen[:, None], variables.params["weight"], 0.0)
        return Variables({"weight": weight}, {**variables.buffers, "place": place})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        xp, buffers = at.xp, variables.buffers
        place = codes.places(buffers["place"], inputs, buffers["first"], xp)
        vectors = xp.take(variables.params["weight"], place, axis=0)
        return xp.reshape(vectors, (inputs.shape[0], -1))
