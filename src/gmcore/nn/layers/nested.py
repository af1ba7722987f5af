"""How layers made of layers keep their variables: a branch a layer, and none for a layer that has nothing."""

from collections.abc import Mapping

from gmcore.domain import Variables
from gmcore.ports import Layer, SupportsAdapt

__all__ = ["child", "join", "learners"]


def child(variables: Variables, name: str) -> Variables:
    """Return one layer's variables."""
    return Variables(variables.params.get(name, {}), variables.buffers.get(name, {}))


def join(children: Mapping[str, Variables], rest: Variables = Variables()) -> Variables:  # noqa: B008 - it is frozen
    """Return the layers' variables as one, over `rest` for the layers that are not among them."""
    params = {**rest.params, **{name: one.params for name, one in children.items() if one.params}}
    buffers = {**rest.buffers, **{name: one.buffers for name, one in children.items() if one.buffers}}
    return Variables(params, buffers)


def learners(layers: Mapping[str, Layer]) -> dict[str, SupportsAdapt]:
    """Return the layers that learn from rows before training."""
    return {name: layer for name, layer in layers.items() if isinstance(layer, SupportsAdapt)}
