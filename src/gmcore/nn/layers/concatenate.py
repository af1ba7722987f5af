"""Concatenation of several named inputs, each passed through its own layer."""

from collections.abc import Iterable, Iterator, Mapping

import attrs
import numpy as np
from attrs.validators import min_len

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.nn.layers.blocks import Blocks
from gmcore.nn.layers.defaults import describe_by_repr
from gmcore.nn.layers.nested import adaptable, adapted, child, join
from gmcore.ports import Layer, Namespace

__all__ = ["Concatenate"]


@attrs.frozen
class Concatenate(Layer):
    """Passes each named input through its branch and concatenates the outputs on the last axis, in the branches' order.

    Attributes:
        branches: one layer for each input, by the input's name; inputs with other names are ignored.
    """

    branches: Mapping[str, Layer] = attrs.field(validator=min_len(1))

    describe = describe_by_repr

    def children(self, input_shape: Mapping[str, Shape]) -> Iterator[tuple[str, Layer, Shape]]:
        """Yield each branch's name, layer and input shape."""
        for name, layer in self.branches.items():
            yield name, layer, input_shape[name]

    def output_shape(self, input_shape: Mapping[str, Shape]) -> Shape:
        shapes = [layer.output_shape(shape) for _, layer, shape in self.children(input_shape)]
        if len({shape[:-1] for shape in shapes}) > 1:
            found = ", ".join(f"{name} {shape}" for name, shape in zip(self.branches, shapes, strict=True))
            raise ValueError(f"branches must agree in all axes but the last, got {found}")
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def init(self, rng: np.random.Generator, input_shape: Mapping[str, Shape]) -> Variables:
        return join({name: layer.init(rng, shape) for name, layer, shape in self.children(input_shape)})

    def adapt(
        self,
        variables: Variables,
        blocks: Iterable[Mapping[str, np.ndarray]],
        weights: Iterable[np.ndarray] | None = None,
    ) -> Variables:
        """Return the variables after each branch has learned from its own input."""
        found = {
            name: adapted(layer, child(variables, name), _only(name, blocks), weights)
            for name, layer in adaptable(self.branches).items()
        }
        return join(found, variables)

    def apply(
        self, variables: Variables, inputs: Mapping[str, Array], *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        outputs, changed = [], {}
        for index, (name, layer) in enumerate(self.branches.items()):
            own_key = None if key is None else xp.random.fold_in(key, index)
            own = child(variables, name)
            output, buffers = layer.apply(own, inputs[name], xp=xp, key=own_key, training=training)
            outputs.append(output)
            if buffers is not own.buffers:
                changed[name] = buffers
        joined = xp.concat(outputs, axis=-1) if len(outputs) > 1 else outputs[0]
        return joined, {**variables.buffers, **changed} if changed else variables.buffers


def _only(name: str, blocks: Iterable[Mapping[str, np.ndarray]]) -> Blocks:
    """Return the blocks of one named input."""
    return Blocks(lambda: (inputs[name] for inputs in blocks))
