"""Port: a layer of a network."""

from abc import abstractmethod
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Layer"]


@runtime_checkable
class Layer(Protocol):
    """A pure function of variables and inputs: frozen settings, and no state of its own.

    It sees one member and a batch of rows on the first axis; shapes are those of one row. Inputs
    are an array, or a mapping from name to array for a layer that joins several.
    """

    random: ClassVar[bool] = False
    """Whether `apply` needs its key in training."""
    stateful: ClassVar[bool] = False
    """Whether `apply` changes buffers in training."""

    @abstractmethod
    def output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of one output row.

        Raises:
            ValueError: if rows of `input_shape` can't enter.
        """

    @abstractmethod
    def init(self, rng: np.random.Generator, input_shape: Any) -> Variables:
        """Return fresh variables, on the host: float64, int32 for codes; the same for the same generator state."""

    @abstractmethod
    def apply(
        self, variables: Variables, inputs: Any, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        """Return the outputs and the buffers after this pass: the same object where nothing changed.

        Args:
            variables: as `init` or `adapt` returned them, on the device; an absent branch is an empty one.
            inputs: `(batch, *input_shape)`.
            xp: the backend's namespace.
            key: for what is random in training; None when `training` is False.
            training: whether dropout and its like are on.
        """

    @abstractmethod
    def describe(self, input_shape: Any) -> str:
        """Return what the summary of a model says of it, such as `"Dense(in_features=30, out_features=64)"`."""
