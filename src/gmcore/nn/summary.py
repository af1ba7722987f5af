"""What a layer is made of, line by line."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gmcore.domain import LayerInfo, Tree
from gmcore.domain.tree import tree_leaves
from gmcore.ports import Layer, SupportsChildren

__all__ = ["summarize"]


def summarize(layer: Layer, input_shape: Any, name: str = "") -> Iterator[LayerInfo]:
    """Yield a line for each layer that has no layers in it, in the order rows pass through them."""
    if not isinstance(layer, SupportsChildren):
        fresh = layer.init(np.random.default_rng(0), input_shape)
        yield LayerInfo(
            name=name,
            description=layer.describe(input_shape),
            output_shape=layer.output_shape(input_shape),
            parameters=_count(fresh.params),
            random=layer.random,
            stateful=layer.stateful,
            buffers=_count(fresh.buffers),
        )
        return
    for own, child, shape in layer.children(input_shape):
        yield from summarize(child, shape, f"{name}.{own}" if name else own)


def _count(tree: Tree) -> int:
    return sum(leaf.size for leaf in tree_leaves(tree))
