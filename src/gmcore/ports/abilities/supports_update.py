"""Ability: a layer or a model that changes buffers in training."""

from abc import abstractmethod
from typing import Any, Protocol, runtime_checkable

from gmcore.domain import Array, Tree, Variables
from gmcore.ports.forward_pass import Pass

__all__ = ["SupportsUpdate"]


@runtime_checkable
class SupportsUpdate(Protocol):
    """A layer or a model that changes buffers in training, such as running statistics.

    A layer that contains other layers has this ability on their behalf: it calls the `update` of each child that has
    one, and `apply` of the others. A container without it is refused if a child changes buffers.
    """

    # As in `Layer`, the inputs are an array or a mapping.
    @abstractmethod
    def update(self, variables: Variables, inputs: Any, at: Pass) -> tuple[Array, Tree]:
        """Return the outputs of a training pass and all buffers after it; it is called in place of `apply`.

        The buffers keep their names, shapes and dtypes. Outputs may depend on the statistics of the batch, in which a
        row of weight 2 counts as two rows and a row of weight 0 as none.
        """
