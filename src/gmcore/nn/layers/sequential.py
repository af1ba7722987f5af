"""One layer after the other."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.nn.layers.blocks import Blocks
from gmcore.nn.layers.nested import child, join, learners
from gmcore.nn.layers.stateless import by_settings
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Layer, Namespace

__all__ = ["Sequential"]

_HOST = NumPyNamespace()


def _named(layers: Mapping[str, Layer] | Iterable[Layer]) -> dict[str, Layer]:
    if isinstance(layers, Mapping):
        return dict(layers)
    return {str(index): layer for index, layer in enumerate(layers)}


@attrs.frozen
class Sequential(Layer):
    """Passes rows through layers in order; their variables are branches by name.

    Layers that adapt stand first: the layers before them run on the host, in NumPy.

    Attributes:
        layers: by name; `"0"`, `"1"` … where they are given without names.
    """

    layers: Mapping[str, Layer] = attrs.field(converter=_named)

    describe = by_settings

    def children(self, input_shape: Any) -> Iterator[tuple[str, Layer, Any]]:
        """Yield each layer's name, the layer and the shape that it is given."""
        for name, layer in self.layers.items():
            yield name, layer, input_shape
            input_shape = layer.output_shape(input_shape)

    def output_shape(self, input_shape: Any) -> Shape:
        for layer in self.layers.values():
            input_shape = layer.output_shape(input_shape)
        return tuple(input_shape)

    def init(self, rng: np.random.Generator, input_shape: Any) -> Variables:
        return join({name: layer.init(rng, shape) for name, layer, shape in self.children(input_shape)})

    def adapt(self, variables: Variables, blocks: Iterable[Any]) -> Variables:
        """Return the variables with what each layer learns from what the ones before make of `blocks`."""
        learns = learners(self.layers)
        adapted: dict[str, Variables] = {}
        last = max((place for place, name in enumerate(self.layers) if name in learns), default=-1)
        for place, (name, layer) in enumerate(islice(self.layers.items(), last + 1)):
            known = child(variables, name)
            if name in learns:
                known = adapted[name] = learns[name].adapt(known, blocks)
            if place < last:
                blocks = _passed(layer, known, blocks)
        return join(adapted, variables)

    def apply(
        self, variables: Variables, inputs: Any, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        changed: dict[str, Tree] = {}
        for place, (name, layer) in enumerate(self.layers.items()):
            own = None if key is None else xp.random.fold_in(key, place)
            known = child(variables, name)
            inputs, buffers = layer.apply(known, inputs, xp=xp, key=own, training=training)
            if buffers is not known.buffers:
                changed[name] = buffers
        return inputs, {**variables.buffers, **changed} if changed else variables.buffers


def _passed(layer: Layer, known: Variables, blocks: Iterable[Any]) -> Blocks:
    """Return what a layer makes of each block, when it is its turn."""
    return Blocks(lambda: (layer.apply(known, inputs, xp=_HOST, key=None, training=False)[0] for inputs in blocks))
