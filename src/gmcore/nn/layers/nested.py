"""What layers that contain layers share: their children's variables, keys, fits and updates.

A container has one branch of variables for each child, absent where the child has none.
"""

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, RowBlock, Tree, Variables
from gmcore.errors import PortError
from gmcore.nn.layers.place import at_place
from gmcore.nn.layers.results import applied, shaped, updated
from gmcore.ports import Layer, Pass, SupportsAdapt, SupportsChildren, SupportsUpdate

__all__ = ["Children", "Place", "adaptable", "adapted", "check_children", "child", "initial", "join", "layer_count"]

Place = tuple[int, str, Layer]
"""A child's place in its container, on which its random numbers depend; its name; and the child."""


def check_children(container: object, attribute: "attrs.Attribute[Mapping[str, Layer]]", value: object) -> None:
    """Check, as an attrs validator, that a container's children are layers by name.

    Raises:
        ValueError: if one is not a layer object, or has a name that can't be a branch of variables.
    """
    who = type(container).__name__
    if not isinstance(value, Mapping):
        raise ValueError(f"{attribute.name} of {who} must be layers by name, got {_shown(value)}")  # noqa: TRY004 - like attrs
    for name, layer in value.items():
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{attribute.name} of {who} must have names that are text without dots, got {name!r}")
        if isinstance(layer, type) or not isinstance(layer, Layer):
            hint = f": create an object, {layer.__name__}(...)" if isinstance(layer, type) else ""
            raise ValueError(  # noqa: TRY004 - like attrs
                f"{attribute.name}[{name!r}] of {who} must be a layer object, got {_shown(layer)}{hint}"
            )


def child(variables: Variables, name: str) -> Variables:
    """Return one child's variables."""
    return Variables(variables.params.get(name, {}), variables.buffers.get(name, {}), variables.shared.get(name, {}))


def join(children: Mapping[str, Variables], rest: Variables = Variables()) -> Variables:  # noqa: B008 - it is frozen
    """Return the children's variables as one; children that are not given keep their branches in `rest`."""
    params = {**rest.params, **{name: one.params for name, one in children.items() if one.params}}
    buffers = {**rest.buffers, **{name: one.buffers for name, one in children.items() if one.buffers}}
    shared = {**rest.shared, **{name: one.shared for name, one in children.items() if one.shared}}
    return Variables(params, buffers, shared)


def initial(children: Iterable[tuple[str, Layer, Any]], rng: np.random.Generator) -> Variables:
    """Return the initial variables of children, drawn in order, as one."""
    found = {}
    for name, layer, shape in children:
        with at_place(name):
            found[name] = layer.init(rng, shape)
    return join(found)


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


def layer_count(layer: Layer, input_shape: Any) -> int:
    """Return of how many layers a layer consists: those inside it, or itself."""
    if not isinstance(layer, SupportsChildren):
        return 1
    return sum(layer_count(inside, shape) for _, inside, shape in layer.children(input_shape))


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
        with at_place(name):
            if not (at.training and isinstance(layer, SupportsUpdate)):
                return shaped(applied(layer, own, inputs, at, name), layer, inputs, name)
            outputs, self._changed[name] = updated(layer, own, inputs, at, name)
            return shaped(outputs, layer, inputs, name)

    def in_order(self, places: Iterable[Place], inputs: Any) -> Array:
        """Return the outputs of children that are applied one after the other."""
        for place in places:
            inputs = self.outputs(*place, inputs)
        return inputs

    def in_blocks(self, places: Sequence[tuple[Place, int]], inputs: Any) -> Array:
        """Return what `in_order` returns; the backward pass computes again what is inside a block of children.

        Args:
            places: the children, and how many layers each consists of.
            inputs: those of the first child.
        """
        for block, recomputed in _blocks(places):
            inputs = self._recomputed(block, inputs) if recomputed else self.in_order(block, inputs)
        return inputs

    def _recomputed(self, block: Sequence[Place], inputs: Any) -> Array:
        at, own = self.at, join({name: child(self.variables, name) for _, name, _ in block})
        assert at.checkpoint is not None  # noqa: S101 - a block is made for it
        given = {name: leaf for name in ("weights", "key") if (leaf := getattr(at, name)) is not None}

        # All arrays are arguments: MLX has no gradient by an array that a checkpointed function finds elsewhere.
        def outputs(params: Tree, buffers: Tree, shared: Tree, given: Tree, inputs: Any) -> tuple[Array, Tree]:
            inside = Children(Variables(params, buffers, shared), attrs.evolve(at, checkpoint=None, **given))
            return inside.in_order(block, inputs), inside.buffers

        found, buffers = at.checkpoint(outputs)(own.params, own.buffers, own.shared, given, inputs)
        self._changed.update(buffers)
        return found

    @property
    def buffers(self) -> Tree:
        """The container's buffers after the pass."""
        changed = {name: buffers for name, buffers in self._changed.items() if buffers}
        return {**self.variables.buffers, **changed}


def _blocks(places: Sequence[tuple[Place, int]]) -> Iterator[tuple[list[Place], bool]]:
    """Yield the places in blocks of about the square root of their layers, and whether to compute a block again.

    A child of more layers is alone and not computed again: it has blocks of its own.
    """
    total, block, filled = sum(layers for _, layers in places), list[Place](), 0
    most = math.isqrt(total)
    for place, layers in places:
        if block and filled + layers > most:
            yield block, filled <= most
            block, filled = [], 0
        block.append(place)
        filled += layers
    if block:
        yield block, filled <= most and total > 1


def _shown(value: object) -> str:
    return value.__name__ if isinstance(value, type) else f"{value!r:.60}"
