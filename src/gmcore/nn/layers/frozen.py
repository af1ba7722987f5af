"""A layer whose variables are given, not trained, and the same for all members."""

from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, Shape, Variables
from gmcore.domain.tree import tree_flatten
from gmcore.nn.settings import instance_of_port
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import Layer, Pass

__all__ = ["Frozen"]


@attrs.frozen
class Frozen(Layer):
    """Applies a layer with given variables, such as a pretrained base; training changes none of them.

    The variables are held once, however many members a fleet has. The layer always works as outside training: dropout
    is off, and batch normalisation uses its running averages.

    Attributes:
        layer: the layer.
        variables: its variables, NumPy arrays.
    """

    layer: Layer = attrs.field(validator=instance_of_port(Layer))
    # Compared by identity, because arrays have no single truth value.
    variables: Variables = attrs.field(validator=attrs.validators.instance_of(Variables), eq=id, repr=False)

    def output_shape(self, input_shape: Any) -> Shape:
        shape = self.layer.output_shape(input_shape)
        self._check_variables(input_shape)
        return shape

    def init(self, rng: np.random.Generator, input_shape: Any) -> Variables:
        own = {"params": self.variables.params, "buffers": self.variables.buffers, "shared": self.variables.shared}
        return Variables(shared={name: tree for name, tree in own.items() if tree})

    def apply(self, variables: Variables, inputs: Any, at: Pass) -> Array:
        own = Variables(**variables.shared)
        return self.layer.apply(own, inputs, attrs.evolve(at, key=None, training=False))

    def describe(self, input_shape: Any) -> str:
        return f"Frozen({self.layer.describe(input_shape)})"

    def _check_variables(self, input_shape: Any) -> None:
        """Raise ValueError unless the variables have the names and shapes of the layer's own."""
        fresh = self.layer.init(SizingGenerator(), input_shape)
        needed, given = (_shapes(variables) for variables in (fresh, self.variables))
        for name in sorted(needed.keys() | given.keys()):
            if needed.get(name) != given.get(name):
                raise ValueError(
                    f"Frozen has {_array(name, given.get(name))} in its variables, but for rows of shape {input_shape} "
                    f"{type(self.layer).__name__} needs {_array(name, needed.get(name))}"
                )


def _shapes(variables: Variables) -> dict[str, Shape]:
    return {name: leaf.shape for name, leaf in tree_flatten(attrs.asdict(variables, recurse=False)).items()}


def _array(name: str, shape: Shape | None) -> str:
    return f"no {name}" if shape is None else f"{name} of shape {shape}"
