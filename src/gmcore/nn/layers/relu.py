"""What is negative becomes 0."""

import attrs

from gmcore.domain import Array, Tree, Variables
from gmcore.nn.layers.stateless import by_settings, no_variables, same_shape
from gmcore.ports import Layer, Namespace

__all__ = ["ReLU"]


@attrs.frozen(kw_only=True)
class ReLU(Layer):
    """`max(x, 0)`."""

    output_shape = same_shape
    init = no_variables
    describe = by_settings

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        return xp.relu(inputs), variables.buffers
