"""Summary of a layer, one line for each layer inside it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gmcore.domain import LayerInfo, Tree
from gmcore.domain.tree import tree_leaves
from gmcore.nn.layers.abilities import changes_buffers, needs_key
from gmcore.ports import Layer, SupportsChildren

__all__ = ["summarize"]


def summarize(layer: Layer, input_shape: Any, name: str = "") -> Iterator[LayerInfo]:
    """Yield a line for each layer without children, in the order in which rows pass through them."""
    if not isinstance(layer, SupportsChildren):
        fresh = layer.init(np.random.default_rng(0), input_shape)
        yield LayerInfo(
            name=name,
            description=layer.describe(input_shape),
            output_shape=layer.output_shape(input_shape),
            parameters=_count(fresh.params),
            random=needs_key(layer, input_shape),
            stateful=changes_buffers(layer, input_shape),
            buffers=_count(fresh.buffers),
        )
        return
    for child_name, child, shape in layer.children(input_shape):
        yield from summarize(child, shape, f"{name}.{child_name}" if name else child_name)


def _count(tree: Tree) -> int:
    """Return how many numbers a tree holds."""
    return sum(leaf.size for leaf in tree_leaves(tree))
