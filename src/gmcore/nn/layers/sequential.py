"""A sequence of layers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, RowBlock, Shape, Tree, Variables
from gmcore.domain.tree import tree_map
from gmcore.nn.layers.blocks import Blocks, with_inputs
from gmcore.nn.layers.defaults import describe_by_repr, of_one_array
from gmcore.nn.layers.nested import Children, adaptable, adapted, check_children, child, initial, join, layer_count
from gmcore.nn.layers.place import at_place
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Layer, Pass

__all__ = ["Sequential"]

_HOST = NumPyNamespace()


def _named(layers: Mapping[str, Layer] | Iterable[Layer]) -> dict[str, Layer]:
    if isinstance(layers, Mapping):
        return dict(layers)
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise ValueError(f"layers of Sequential must be a list of layers, or layers by name, got {layers!r:.60}")  # noqa: TRY004 - like attrs
    return {str(index): layer for index, layer in enumerate(layers)}


@attrs.frozen
class Sequential(Layer):
    """Applies layers in order; each layer's variables are a branch under its name.

    `adapt` runs every layer before the last adaptable one on the host, in NumPy: place adaptable layers first.

    Attributes:
        layers: by name; an iterable of layers gets the names `"0"`, `"1"` and so on.
    """

    layers: Mapping[str, Layer] = attrs.field(
        converter=_named, validator=check_children, metadata={"accepts": Mapping[str, Layer] | Sequence[Layer]}
    )

    describe = describe_by_repr

    def children(self, input_shape: Any) -> Iterator[tuple[str, Layer, Any]]:
        """Yield each layer's name, the layer and its input shape."""
        for name, layer in self.layers.items():
            yield name, layer, input_shape
            with at_place(name):
                input_shape = layer.output_shape(input_shape)

    def output_shape(self, input_shape: Any) -> Shape:
        for name, layer in self.layers.items():
            with at_place(name):
                input_shape = layer.output_shape(input_shape)
        return of_one_array(self, input_shape)

    def init(self, rng: np.random.Generator, input_shape: Any) -> Variables:
        return initial(self.children(input_shape), rng)

    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables after each layer was fitted to the outputs of the layers before it."""
        to_adapt = adaptable(self.layers)
        found: dict[str, Variables] = {}
        last = max((index for index, name in enumerate(self.layers) if name in to_adapt), default=-1)
        for index, (name, layer) in enumerate(islice(self.layers.items(), last + 1)):
            own = child(variables, name)
            if name in to_adapt:
                own = found[name] = adapted(to_adapt[name], own, blocks, rng)
            if index < last:
                blocks = _outputs(layer, own, blocks)
        return join(found, variables)

    def apply(self, variables: Variables, inputs: Any, at: Pass) -> Array:
        return self._outputs(Children(variables, at), inputs)

    def update(self, variables: Variables, inputs: Any, at: Pass) -> tuple[Array, Tree]:
        """Return the outputs of a training pass and all buffers after it, with those that the children have changed."""
        children = Children(variables, at)
        return self._outputs(children, inputs), children.buffers

    def _outputs(self, children: Children, inputs: Any) -> Array:
        places = [(index, name, layer) for index, (name, layer) in enumerate(self.layers.items())]
        if children.at.checkpoint is None:
            return children.in_order(places, inputs)
        shapes = self.children(tree_map(lambda x: tuple(x.shape[1:]), inputs))
        sizes = [layer_count(layer, shape) for _, layer, shape in shapes]
        return children.in_blocks(list(zip(places, sizes, strict=True)), inputs)


def _outputs(layer: Layer, variables: Variables, blocks: Iterable[RowBlock]) -> Blocks[RowBlock]:
    """Return the blocks with the layer's outputs as inputs."""
    return with_inputs(blocks, lambda block: layer.apply(variables, block.inputs, Pass(xp=_HOST)))
