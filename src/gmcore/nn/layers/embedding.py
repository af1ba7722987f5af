"""Category codes become learnt vectors."""

from collections.abc import Iterable

import attrs
import numpy as np
from attrs.validators import ge

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.nn.layers import codes
from gmcore.nn.layers.stateless import by_settings
from gmcore.ports import Layer, Namespace

__all__ = ["Embedding"]


@attrs.frozen
class Embedding(Layer):
    """Gives each category of each column a vector that is learnt, and one to "missing or unknown".

    Codes are int32: 0 is missing or unknown, `i` is category `i - 1`. A category that `adapt` did not
    see is taken for code 0; where it did not see 0 either, that vector is 0 and no gradient moves it.
    Vectors are drawn with mean 0 and standard deviation `1 / sqrt(size)`: as long as a one-hot's.

    Attributes:
        categories: how many each column has, not counting "missing or unknown".
        size: numbers in one vector.
    """

    categories: tuple[int, ...] = attrs.field(validator=codes.check_categories)
    size: int = attrs.field(validator=ge(1))

    describe = by_settings

    def output_shape(self, input_shape: Shape) -> Shape:
        codes.check_columns(self.categories, input_shape)
        return (len(self.categories) * self.size,)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        first = codes.offsets(self.categories)
        weight = rng.standard_normal((first[-1], self.size)) / np.sqrt(self.size)
        return Variables({"weight": weight}, {"first": first[:-1], "place": codes.fresh_places(self.categories)})

    def adapt(self, variables: Variables, blocks: Iterable[np.ndarray]) -> Variables:
        """Return the variables with the codes of `blocks` known, and no others."""
        place, seen = codes.known_places(self.categories, blocks)
        weight = np.where(seen[:, None], variables.params["weight"], 0.0)
        return Variables({"weight": weight}, {**variables.buffers, "place": place})

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        buffers = variables.buffers
        place = codes.places(buffers["place"], inputs, buffers["first"], xp)
        vectors = xp.take(variables.params["weight"], place, axis=0)
        return xp.reshape(vectors, (inputs.shape[0], -1)), buffers
