"""Questions about a layer whose answer depends on the layers inside it."""

from collections.abc import Iterator
from typing import Any

from gmcore.ports import Layer, SupportsChildren

__all__ = ["changes_buffers", "needs_key"]


def needs_key(layer: Layer, input_shape: Any) -> bool:
    """Return whether `apply` needs its key in training, for the layer itself or a layer inside it."""
    return any(one.random for one in _with_children(layer, input_shape))


def changes_buffers(layer: Layer, input_shape: Any) -> bool:
    """Return whether `apply` changes buffers in training, of the layer itself or of a layer inside it."""
    return any(one.stateful for one in _with_children(layer, input_shape))


def _with_children(layer: Layer, input_shape: Any) -> Iterator[Layer]:
    yield layer
    if isinstance(layer, SupportsChildren):
        for _, child, shape in layer.children(input_shape):
            yield from _with_children(child, shape)
