"""Port: a layer of a network."""

from abc import abstractmethod
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, Shape, Variables
from gmcore.ports.forward_pass import Pass

__all__ = ["Layer"]


@runtime_checkable
class Layer(Protocol):
    """A pure function of variables and inputs, with frozen settings and no state of its own.

    It computes one member, for a batch of rows on the first axis. Shapes are those of one row. The inputs are an
    array, or a mapping from name to array for a layer that joins several inputs; their shape is then a mapping from
    name to shape.
    """

    random: ClassVar[bool] = False
    """Whether this layer itself, not its children, needs the key in training."""

    # `input_shape` is Any, since a layer takes either a shape or a mapping of shapes, and states which.
    @abstractmethod
    def output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of one output row.

        Raises:
            ValueError: if the layer can't take rows of `input_shape`.
        """

    @abstractmethod
    def init(self, rng: np.random.Generator, input_shape: Any) -> Variables:
        """Return initial variables on the host: float64, codes int32; equal generator states give equal variables."""

    @abstractmethod
    def apply(self, variables: Variables, inputs: Any, at: Pass) -> Array:
        """Return the outputs, `(batch, *output_shape)`.

        A layer that changes buffers in training has the ability `SupportsUpdate`; `update` is then called instead.

        Args:
            variables: as `init` or `adapt` returned them, on the device; an absent branch stands for an empty one.
            inputs: `(batch, *input_shape)`, or a mapping of such arrays.
            at: the namespace, the weights of the rows, the random key, and whether this is a training pass.
        """

    @abstractmethod
    def describe(self, input_shape: Any) -> str:
        """Return the layer's line in a model summary, such as `"Dense(in_features=30, out_features=64)"`."""
