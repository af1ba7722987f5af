"""The identity, gated by the normal distribution."""

import math
from typing import Literal

import attrs
from attrs.validators import in_

from gmcore.domain import Array, Tree, Variables
from gmcore.nn.layers.stateless import by_settings, no_variables, same_shape
from gmcore.ports import Layer, Namespace

__all__ = ["GELU"]


@attrs.frozen(kw_only=True)
class GELU(Layer):
    """`x Phi(x)` with Phi the normal distribution function (Hendrycks and Gimpel, 2016).

    Attributes:
        approximate: `"none"`: by the error function; `"tanh"`: the paper's faster formula, off by up to 5e-4.
    """

    approximate: Literal["none", "tanh"] = attrs.field(default="none", validator=in_(("none", "tanh")))

    output_shape = same_shape
    init = no_variables
    describe = by_settings

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        if self.approximate == "tanh":
            inner = math.sqrt(2 / math.pi) * (inputs + 0.044715 * (inputs * inputs * inputs))
            gate = 1 + xp.tanh(inner)
        else:
            gate = 1 + xp.erf(inputs * math.sqrt(0.5))
        return 0.5 * inputs * gate, variables.buffers
