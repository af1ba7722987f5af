"""Summary of a layer, one line for each layer inside it."""

import math
from collections.abc import Iterator
from typing import Any

from gmcore.domain import LayerInfo, Tree, Variables
from gmcore.domain.tree import tree_leaves
from gmcore.errors import ConfigError
from gmcore.nn.layers.abilities import changes_buffers, needs_key
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import Layer, SupportsChildren

__all__ = ["summarize"]


def summarize(layer: Layer, input_shape: Any, name: str = "") -> Iterator[LayerInfo]:
    """Yield a line for each layer without children, in the order in which rows pass through them.

    Large variables are counted without being allocated.

    Raises:
        ConfigError: if the variables of a layer are larger than any memory.
    """
    if not isinstance(layer, SupportsChildren):
        fresh = _measured(layer, input_shape, name)
        yield LayerInfo(
            name=name,
            description=layer.describe(input_shape),
            output_shape=layer.output_shape(input_shape),
            parameters=_count(fresh.params),
            random=needs_key(layer, input_shape),
            stateful=changes_buffers(layer, input_shape),
            buffers=_count(fresh.buffers),
            shared=_count(fresh.shared),
        )
        return
    for child_name, child, shape in layer.children(input_shape):
        yield from summarize(child, shape, f"{name}.{child_name}" if name else child_name)


def _measured(layer: Layer, input_shape: Any, name: str) -> Variables:
    """Return a layer's initial variables for their shapes only."""
    try:
        return layer.init(SizingGenerator(), input_shape)
    except MemoryError as error:
        raise ConfigError([f"model: the layer {name}, {layer.describe(input_shape)}, is too large: {error}"]) from error


def _count(tree: Tree) -> int:
    """Return how many numbers a tree holds."""
    return sum(math.prod(leaf.shape) for leaf in tree_leaves(tree))
