"""Variables of layers that contain layers: one branch for each child, absent where the child has no variables."""

from collections.abc import Mapping

from gmcore.domain import Variables
from gmcore.ports import Layer, SupportsAdapt

__all__ = ["adaptable", "child", "join"]


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
