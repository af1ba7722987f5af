"""Ability: a layer that contains other layers."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from gmcore.ports.layer import Layer

__all__ = ["SupportsChildren"]


@runtime_checkable
class SupportsChildren(Protocol):
    """A layer that contains other layers, its children."""

    # An input shape is Any, as in `Layer`.
    @abstractmethod
    def children(self, input_shape: Any) -> Iterator[tuple[str, Layer, Any]]:
        """Yield the name, the layer and the input shape of each child, in order."""
