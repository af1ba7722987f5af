"""Scores become shares."""

import attrs

from gmcore.domain import Array, Tree, Variables
from gmcore.nn.layers.stateless import by_settings, no_variables, same_shape
from gmcore.ports import Layer, Namespace

__all__ = ["Softmax"]


@attrs.frozen(kw_only=True)
class Softmax(Layer):
    """`exp(x) / sum(exp(x))` over the last axis. Losses take scores: a classifier's head needs none."""

    output_shape = same_shape
    init = no_variables
    describe = by_settings

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        return xp.softmax(inputs, axis=-1), variables.buffers
