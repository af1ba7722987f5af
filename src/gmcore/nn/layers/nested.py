"""What layers that contain layers share: their children's variables, keys, fits and updates.

A container has one branch of variables for each child, absent where the child has none.
"""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, RowBlock, Tree, Variables
from gmcore.errors import PortError
from gmcore.nn.layers.results import applied, updated
from gmcore.ports import Layer, Pass, SupportsAdapt, SupportsUpdate

__all__ = ["Children", "adaptable", "adapted", "child", "join"]


def child(variables: Variables, name: str) -> Variables:
    """Return one child's variables."""
    return Variables(variables.params.get(name, {}), variables.buffers.get(name, {}), variables.shared.get(name, {}))


def join(children: Mapping[str, Variables], rest: Variables = Variables()) -> Variables:  # noqa: B008 - it is frozen
    """Return the children's variables as one; children that are not given keep their branches in `rest`."""
    params = {**rest.params, **{name: one.params for name, one in children.items() if one.params}}
    buffers = {**rest.buffers, **{name: one.buffers for name, one in children.items() if one.buffers}}
    shared = {**rest.shared, **{name: one.shared for name, one in children.items() if one.shared}}
    return Variables(params, buffers, shared)


def adaptable(layers: Mapping[str, Layer]) -> dict[str, SupportsAdapt]:
    """Return the layers that are fitted to rows before training."""
    return {name: layer for name, layer in layers.items() if isinstance(layer, SupportsAdapt)}


def adapted(
    layer: SupportsAdapt, variables: Variables, blocks: Iterable[RowBlock], rng: np.random.Generator
) -> Variables:
    """Return a layer's variables after it was fitted to rows.

    Raises:
        PortError: if the layer's `adapt` does not take the arguments of `SupportsAdapt.adapt`.
    """
    try:
        inspect.signature(layer.adapt).bind(variables, blocks, rng=rng)
    except TypeError as error:
        raise PortError(
            f"adapt(variables, blocks, *, rng) of the layer {type(layer).__name__} can't be called: {error}"
        ) from error
    return layer.adapt(variables, blocks, rng=rng)


@attrs.define(eq=False)
class Children:
    """One forward pass through a container's children.

    Attributes:
        variables: the container's.
        at: the container's pass.
    """

    variables: Variables
    at: Pass
    _changed: dict[str, Tree] = attrs.field(init=False, factory=dict)

    def outputs(self, index: int, name: str, layer: Layer, inputs: Any) -> Array:
        """Return a child's outputs; in training, a child that changes buffers is updated.

        Args:
            index: the child's place in the container, on which its random numbers depend.
            name: its name.
            layer: the child.
            inputs: its inputs.
        """
        key, own = self.at.key, child(self.variables, name)
        at = self.at if key is None else attrs.evolve(self.at, key=self.at.xp.random.fold_in(key, index))
        if not (at.training and isinstance(layer, SupportsUpdate)):
            return applied(layer, own, inputs, at, name)
        outputs, self._changed[name] = updated(layer, own, inputs, at, name)
        return outputs

    @property
    def buffers(self) -> Tree:
        """The container's buffers after the pass."""
        changed = {name: buffers for name, buffers in self._changed.items() if buffers}
        return {**self.variables.buffers, **changed}
