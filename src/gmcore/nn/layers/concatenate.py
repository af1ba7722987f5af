"""Concatenation of several named inputs, each passed through its own layer."""

from collections.abc import Iterable, Iterator, Mapping

import attrs
import numpy as np
from attrs.validators import instance_of, min_len

from gmcore.domain import Array, RowBlock, Shape, Tree, Variables
from gmcore.domain.short_repr import listed
from gmcore.nn.layers.blocks import Blocks, with_inputs
from gmcore.nn.layers.defaults import describe_by_repr
from gmcore.nn.layers.nested import Children, adaptable, adapted, check_children, child, initial, join
from gmcore.nn.layers.place import at_place
from gmcore.ports import Layer, Pass

__all__ = ["Concatenate"]


@attrs.frozen
class Concatenate(Layer):
    """Passes each named input through its branch and concatenates the outputs on one axis, in the branches' order.

    Attributes:
        branches: one layer for each input, by the input's name; inputs with other names are ignored.
        axis: the axis of a row, counted from 0, or from the end by negative numbers; the last one by default.
    """

    branches: Mapping[str, Layer] = attrs.field(validator=[check_children, min_len(1)])
    axis: int = attrs.field(default=-1, validator=instance_of(int), kw_only=True)

    describe = describe_by_repr

    def children(self, input_shape: Mapping[str, Shape]) -> Iterator[tuple[str, Layer, Shape]]:
        """Yield each branch's name, layer and input shape."""
        if not isinstance(input_shape, Mapping):
            raise ValueError(f"Concatenate needs inputs by name, got rows of shape {input_shape}")  # noqa: TRY004 - the port's error
        for name, layer in self.branches.items():
            if name not in input_shape:
                names = listed(list(map(repr, input_shape))) or "none"
                raise ValueError(f"Concatenate has a branch for the input {name!r}, which is not among those: {names}")
            yield name, layer, input_shape[name]

    def output_shape(self, input_shape: Mapping[str, Shape]) -> Shape:
        shapes: list[Shape] = []
        for name, layer, shape in self.children(input_shape):
            with at_place(name):
                shapes.append(layer.output_shape(shape))
        first, found = shapes[0], ", ".join(f"{name} {one}" for name, one in zip(self.branches, shapes, strict=True))
        if len({len(shape) for shape in shapes}) > 1 or not first:
            raise ValueError(f"branches must have the same number of axes, at least one, got {found}")
        if not -len(first) <= self.axis < len(first):
            raise ValueError(
                f"Concatenate has no axis {self.axis}: rows have the axes 0 to {len(first) - 1}, got {found}"
            )
        axis = self.axis % len(first)
        if len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) > 1:
            raise ValueError(f"branches must agree in all axes but axis {self.axis}, got {found}")
        return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])

    def init(self, rng: np.random.Generator, input_shape: Mapping[str, Shape]) -> Variables:
        return initial(self.children(input_shape), rng)

    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables after each branch was fitted to its own input."""
        found = {
            name: adapted(layer, child(variables, name), _only(name, blocks), rng)
            for name, layer in adaptable(self.branches).items()
        }
        return join(found, variables)

    def apply(self, variables: Variables, inputs: Mapping[str, Array], at: Pass) -> Array:
        return self._outputs(Children(variables, at), inputs)

    def update(self, variables: Variables, inputs: Mapping[str, Array], at: Pass) -> tuple[Array, Tree]:
        """Return the outputs of a training pass and all buffers after it, with those that the children have changed."""
        children = Children(variables, at)
        return self._outputs(children, inputs), children.buffers

    def _outputs(self, children: Children, inputs: Mapping[str, Array]) -> Array:
        branches = enumerate(self.branches.items())
        outputs = [children.outputs(index, name, layer, inputs[name]) for index, (name, layer) in branches]
        # The first axis of an array is that of the rows.
        axis = self.axis if self.axis < 0 else self.axis + 1
        return children.at.xp.concat(outputs, axis=axis) if len(outputs) > 1 else outputs[0]


def _only(name: str, blocks: Iterable[RowBlock]) -> Blocks[RowBlock]:
    """Return the blocks of one named input."""
    return with_inputs(blocks, lambda block: block.inputs[name])
