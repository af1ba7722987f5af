"""What is negative levels off."""

import attrs
from attrs.validators import gt

from gmcore.domain import Array, Tree, Variables
from gmcore.nn.layers.stateless import by_settings, no_variables, same_shape
from gmcore.ports import Layer, Namespace

__all__ = ["ELU"]


@attrs.frozen(kw_only=True)
class ELU(Layer):
    """`x` where positive, `alpha (exp(x) - 1)` elsewhere (Clevert et al., 2016).

    Attributes:
        alpha: how far below 0 it goes.
    """

    alpha: float = attrs.field(default=1.0, validator=gt(0.0))

    output_shape = same_shape
    init = no_variables
    describe = by_settings

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        negative = xp.where(inputs > 0, 0.0, inputs)  # what is positive would overflow, and its gradient be NaN
        return xp.where(inputs > 0, inputs, self.alpha * xp.expm1(negative)), variables.buffers
