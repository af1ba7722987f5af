"""Port: a layer of a network."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Layer"]


@runtime_checkable
class Layer(Protocol):
    """A pure function of variables and inputs, with frozen settings and no state of its own.

    It computes one member, for a batch of rows on the first axis. Shapes are those of one row. The inputs are an
    array, or a mapping from name to array for a layer that joins several inputs; their shape is then a mapping from
    name to shape.
    """

    random: ClassVar[bool] = False
    """Whether `apply` of this layer itself, not of its children, needs the key in training."""
    stateful: ClassVar[bool] = False
    """Whether `apply` of this layer itself, not of its children, changes buffers in training."""

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
    def apply(
        self,
        variables: Variables,
        inputs: Array | Mapping[str, Array],
        *,
        xp: Namespace,
        key: Array | None,
        training: bool,
    ) -> tuple[Array, Tree]:
        """Return the outputs and the buffers after this pass; unchanged buffers are the same object.

        Args:
            variables: as `init` or `adapt` returned them, on the device; an absent branch stands for an empty one.
            inputs: `(batch, *input_shape)`.
            xp: the backend's namespace.
            key: random key for training; None if `training` is False.
            training: whether this is a training pass, in which layers such as dropout are active.
        """

    @abstractmethod
    def describe(self, input_shape: Any) -> str:
        """Return the layer's line in a model summary, such as `"Dense(in_features=30, out_features=64)"`."""
