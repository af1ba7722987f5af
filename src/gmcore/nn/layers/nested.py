"""Variables of layers that contain layers: one branch for each child, absent where the child has no variables."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gmcore.domain import Variables
from gmcore.errors import PortError
from gmcore.ports import Layer, SupportsAdapt

__all__ = ["adaptable", "adapted", "child", "join"]


def child(variables: Variables, name: str) -> Variables:
    """Return one child's variables."""
    return Variables(variables.params.get(name, {}), variables.buffers.get(name, {}))


def join(children: Mapping[str, Variables], rest: Variables = Variables()) -> Variables:  # noqa: B008 - it is frozen
    """Return the children's variables as one; children that are not given keep their branches in `rest`."""
    params = {**rest.params, **{name: one.params for name, one in children.items() if one.params}}
    buffers = {**rest.buffers, **{name: one.buffers for name, one in children.items() if one.buffers}}
    return Variables(params, buffers)


def adaptable(layers: Mapping[str, Layer]) -> dict[str, SupportsAdapt]:
    """Return the layers that learn from rows before training."""
    return {name: layer for name, layer in layers.items() if isinstance(layer, SupportsAdapt)}


def adapted(
    layer: SupportsAdapt, variables: Variables, blocks: Iterable[Any], weights: Iterable[np.ndarray] | None
) -> Variables:
    """Return a layer's variables after it has learned from rows.

    Raises:
        PortError: if the rows have weights and the layer's `adapt` does not take them.
    """
    if weights is None:
        return layer.adapt(variables, blocks)
    try:
        inspect.signature(layer.adapt).bind(variables, blocks, weights)
    except TypeError as error:
        raise PortError(
            f"the rows have weights, but adapt(variables, blocks, weights) of the layer {type(layer).__name__} can't "
            f"be called: {error}"
        ) from error
    return layer.adapt(variables, blocks, weights)
