"""What is negative becomes small."""

import attrs
from attrs.validators import and_, ge, lt

from gmcore.domain import Array, Tree, Variables
from gmcore.nn.layers.stateless import by_settings, no_variables, same_shape
from gmcore.ports import Layer, Namespace

__all__ = ["LeakyReLU"]


@attrs.frozen(kw_only=True)
class LeakyReLU(Layer):
    """`x` where positive, `negative_slope * x` elsewhere.

    Attributes:
        negative_slope: what negative inputs are multiplied by.
    """

    negative_slope: float = attrs.field(default=0.01, validator=and_(ge(0.0), lt(1.0)))

    output_shape = same_shape
    init = no_variables
    describe = by_settings

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        return xp.where(inputs > 0, inputs, self.negative_slope * inputs), variables.buffers
