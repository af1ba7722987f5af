"""The check of what a layer's methods return, when they are traced."""

from typing import Any

from gmcore.domain import Array, Tree, Variables
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.errors import PortError
from gmcore.ports import Layer, Pass, SupportsUpdate

__all__ = ["applied", "shaped", "updated"]


def applied(layer: Layer, variables: Variables, inputs: Any, at: Pass, name: str = "") -> Array:
    """Return what `apply` of a layer returns, an array.

    Raises:
        PortError: if it returns anything else; `name` is the layer's place in its container.
    """
    return _array(layer.apply(variables, inputs, at), layer, "apply", name)


def updated(layer: SupportsUpdate, variables: Variables, inputs: Any, at: Pass, name: str = "") -> tuple[Array, Tree]:
    """Return what `update` of a layer returns, an array and all buffers.

    Raises:
        PortError: if it returns anything else, or buffers of other names or shapes than it was given.
    """
    found = layer.update(variables, inputs, at)
    if not isinstance(found, tuple) or len(found) != 2:  # noqa: PLR2004 - outputs and buffers
        raise PortError(f"update of {_who(layer, name)} must return a pair (outputs, buffers), got {_shown(found)}")
    outputs, buffers = found
    known, new = tree_flatten(variables.buffers), tree_flatten(buffers)
    if known.keys() != new.keys():
        wanted, returned = (", ".join(sorted(names)) or "none" for names in (known, new))
        raise PortError(f"update of {_who(layer, name)} must return all its buffers ({wanted}), got {returned}")
    for path, leaf in known.items():
        if tuple(new[path].shape) != tuple(leaf.shape):
            raise PortError(
                f"update of {_who(layer, name)} must keep the shape {tuple(leaf.shape)} of its buffer {path}, got "
                f"{tuple(new[path].shape)}"
            )
    return _array(outputs, layer, "update", name), buffers


def shaped(outputs: Array, layer: Layer, inputs: Any, name: str) -> Array:
    """Return the outputs of a layer in a container if they have the shape that the layer states for its inputs.

    Raises:
        ValueError: if the layer can't take rows of the inputs' shape.
        PortError: if the outputs have another shape; nothing is broadcast.
    """
    row = layer.output_shape(tree_map(lambda x: tuple(x.shape[1:]), inputs))
    expected, found = (next(tree_leaves(inputs)).shape[0], *row), tuple(outputs.shape)
    if found != expected:
        raise PortError(
            f"the outputs of {_who(layer, name)} must have the shape {expected}, {expected[0]} rows of its "
            f"output_shape, got {found}"
        )
    return outputs


def _array(outputs: Any, layer: object, method: str, name: str) -> Array:
    if isinstance(outputs, tuple | list | dict) or not all(one in dir(outputs) for one in ("shape", "dtype")):
        raise PortError(f"{method} of {_who(layer, name)} must return an array, got {_shown(outputs)}")
    return outputs


def _who(layer: object, name: str) -> str:
    return f"the layer {type(layer).__name__}" + (f" ({name!r} in its container)" if name else "")


def _shown(value: object) -> str:
    size = f" of {len(value)}" if isinstance(value, tuple | list | dict) else ""
    return f"{type(value).__name__}{size}"
