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


def _arrays(variables: Variables) -> dict[str, Any]:
    """Return the variables by their paths."""
    return tree_flatten(attrs.asdict(variables, recurse=False))


def _check_arrays(_: "Frozen", __: "attrs.Attribute[Variables]", value: object) -> None:
    if not isinstance(value, Variables):
        raise ValueError(f"variables of Frozen must be Variables, got {value!r:.60}")  # noqa: TRY004 - like attrs
    for name, leaf in _arrays(value).items():
        if not isinstance(leaf, np.ndarray):
            raise ValueError(f"variables of Frozen must be NumPy arrays, got {type(leaf).__name__} for {name}")  # noqa: TRY004 - like attrs


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
    variables: Variables = attrs.field(validator=_check_arrays, eq=id, repr=False)

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
        needed, given = ({name: leaf.shape for name, leaf in _arrays(one).items()} for one in (fresh, self.variables))
        for name in sorted(needed.keys() | given.keys()):
            if needed.get(name) != given.get(name):
                raise ValueError(
                    f"Frozen has {_array(name, given.get(name))} in its variables, but for rows of shape {input_shape} "
                    f"{type(self.layer).__name__} needs {_array(name, needed.get(name))}"
                )


def _array(name: str, shape: Shape | None) -> str:
    return f"no {name}" if shape is None else f"{name} of shape {shape}"
