"""Ability: a layer made of layers."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from gmcore.ports.layer import Layer

__all__ = ["SupportsChildren"]


@runtime_checkable
class SupportsChildren(Protocol):
    """A layer made of layers."""

    @abstractmethod
    def children(self, input_shape: Any) -> Iterator[tuple[str, Layer, Any]]:
        """Yield each layer's name, the layer and the shape that it is given."""
