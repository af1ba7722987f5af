"""What recurrent layers share: their rows, their parameters and the loop over time."""

import math
from abc import abstractmethod
from typing import Any, ClassVar

import attrs
import numpy as np
from attrs.validators import instance_of

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.domain.tree import tree_map
from gmcore.nn.layers.defaults import check_channels, of_one_array
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.settings import whole_number
from gmcore.ports import Layer, Namespace, Pass, SupportsChildren

__all__ = ["Recurrent", "is_recurrent", "product"]


@attrs.frozen
class Recurrent(Layer):
    """A layer that passes a state from each step of a sequence to the next; a subclass is the formula of one step.

    Rows are `(time, channels)`. The parameters hold the gates side by side: `input_weight` `(channels, gates * units)`,
    `hidden_weight` `(units, gates * units)`, `input_bias` and `hidden_bias` `(gates * units,)`. They are drawn as torch
    draws them: uniform on `±1 / sqrt(units)`.

    Attributes:
        units: size of the state.
        return_sequences: whether the outputs are the states after each step, `(time, units)`, or the last, `(units,)`.
    """

    gates: ClassVar[int]
    """Number of products with each input and each state."""

    units: int = attrs.field(validator=whole_number)
    return_sequences: bool = attrs.field(default=False, validator=instance_of(bool), kw_only=True)

    @abstractmethod
    def after(self, state: Any, of_input: Array, params: Tree, xp: Namespace) -> Any:
        """Return the state after a step, a tree like `start`.

        Args:
            state: before the step.
            of_input: the input of the step times `input_weight` plus `input_bias`, `(batch, gates * units)`.
            params: the layer's.
            xp: the backend's namespace.
        """

    def start(self, rows: int, xp: Namespace) -> Any:
        """Return the state before the first step, an array or a tree of arrays, `(batch, units)` each."""
        return xp.zeros((rows, self.units))

    def hidden(self, state: Any) -> Array:
        """Return the part of a state that is the layer's output, `(batch, units)`."""
        return state

    def output_shape(self, input_shape: Shape) -> Shape:
        steps, _ = self._row(input_shape)
        return (steps, self.units) if self.return_sequences else (self.units,)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        _, channels = self._row(input_shape)
        limit, width = 1 / math.sqrt(self.units), self.gates * self.units
        shapes = {
            "input_weight": (channels, width), "hidden_weight": (self.units, width),
            "input_bias": (width,), "hidden_bias": (width,),
        }  # fmt: skip
        return Variables({name: rng.uniform(-limit, limit, shape) for name, shape in shapes.items()})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        xp, params = at.xp, variables.params
        self._row(inputs.shape[1:])
        check_channels(self, inputs, params["input_weight"].shape[0])
        # One product for the inputs of all steps: only the product with the state has to wait for the step before.
        of_inputs = product(inputs, params["input_weight"], params["input_bias"], xp)
        steps = xp.permute_dims(of_inputs, (1, 0, 2))

        def step(state: Any, x: tuple[Array, ...]) -> tuple[Any, Array | None]:
            of_input, *enters = x
            after = self.after(_carried(state, enters, at), of_input, params, xp)
            return after, self.hidden(after) if self.return_sequences else None

        last, states = xp.scan(step, self.start(inputs.shape[0], xp), (steps, *_block_starts(steps.shape[0], at)))
        outputs = xp.permute_dims(states, (1, 0, 2)) if self.return_sequences else self.hidden(last)
        return xp.astype(outputs, xp.compute)

    def describe(self, input_shape: Shape) -> str:
        every = ", return_sequences=True" if self.return_sequences else ""
        return f"{type(self).__name__}(channels={input_shape[-1]}, units={self.units}{every})"

    def _row(self, input_shape: Shape) -> Shape:
        """Return the shape of a row, `(time, channels)`."""
        shape, name = of_one_array(self, input_shape), type(self).__name__
        if len(shape) != 2:  # noqa: PLR2004 - time and channels
            raise ValueError(f"{name} needs rows of shape (time, channels), got rows of shape {shape}")
        return shape


def is_recurrent(layer: Layer, input_shape: Any) -> bool:
    """Return whether a layer, or a layer inside it, is recurrent, so that truncation changes its gradients."""
    children = layer.children(input_shape) if isinstance(layer, SupportsChildren) else ()
    return isinstance(layer, Recurrent) or any(is_recurrent(child, shape) for _, child, shape in children)


def product(x: Array, weight: Array, bias: Array, xp: Namespace) -> Array:
    """Return `x @ weight + bias`, multiplied in `xp.compute`; the state between steps stays in `xp.float`."""
    products = xp.matmul(xp.astype(x, xp.compute), xp.astype(weight, xp.compute))
    return xp.astype(products, xp.float) + per_column(bias, products)


def _block_starts(steps: int, at: Pass) -> tuple[Array, ...]:
    """Return the mask of the steps that begin a block, `(time,)`, if it is needed; blocks are counted from the end."""
    if at.truncation is None or at.truncation == 1:
        return ()
    return ((steps - at.xp.arange(steps)) % at.truncation == 0,)


def _carried(state: Any, enters: list[Array], at: Pass) -> Any:
    """Return a state as a step takes it: a constant where it enters a block of steps."""
    if at.truncation is None:
        return state
    constant = tree_map(at.xp.stop_gradient, state)
    return tree_map(lambda one, other: at.xp.where(enters[0], one, other), constant, state) if enters else constant
