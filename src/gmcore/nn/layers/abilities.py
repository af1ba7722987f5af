"""Questions about a layer whose answer depends on the layers inside it."""

from typing import Any

from gmcore.errors import PortError
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import Layer, SupportsChildren, SupportsUpdate

__all__ = ["changes_buffers", "needs_key"]


def needs_key(layer: Layer, input_shape: Any) -> bool:
    """Return whether a training pass needs a key, for the layer itself or a layer inside it."""
    return layer.random or any(needs_key(child, shape) for _, child, shape in _children(layer, input_shape))


def changes_buffers(layer: Layer, input_shape: Any) -> bool:
    """Return whether a training pass changes buffers, of the layer itself or of a layer inside it.

    A layer with the ability `SupportsUpdate` that contains other layers changes buffers if one of these does, or if it
    has buffers besides theirs.

    Raises:
        PortError: if a layer contains one that changes buffers, but has no `update` itself.
    """
    children = list(_children(layer, input_shape))
    inside = [child for _, child, shape in children if changes_buffers(child, shape)]
    if not isinstance(layer, SupportsUpdate):
        if inside:
            raise PortError(
                f"the layer {type(layer).__name__} contains {type(inside[0]).__name__}, which changes buffers in "
                f"training, so it must have the method update(variables, inputs, at), too"
            )
        return False
    if inside or not children:
        return True
    own = layer.init(SizingGenerator(), input_shape).buffers.keys() - {name for name, _, _ in children}
    return bool(own)


def _children(layer: Layer, input_shape: Any) -> list[tuple[str, Layer, Any]]:
    return list(layer.children(input_shape)) if isinstance(layer, SupportsChildren) else []
