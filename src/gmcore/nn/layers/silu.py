"""The identity, gated by its own sigmoid."""

import attrs

from gmcore.domain import Array, Tree, Variables
from gmcore.nn.layers.stateless import by_settings, no_variables, same_shape
from gmcore.ports import Layer, Namespace

__all__ = ["SiLU"]


@attrs.frozen(kw_only=True)
class SiLU(Layer):
    """`x sigmoid(x)`, also called swish (Elfwing et al., 2018)."""

    output_shape = same_shape
    init = no_variables
    describe = by_settings

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        return inputs * xp.sigmoid(inputs), variables.buffers
