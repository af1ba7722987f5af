"""Gated recurrent unit over a sequence."""

import math

import attrs
import numpy as np
from attrs.validators import instance_of

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.nn.layers.defaults import check_channels, of_one_array
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.settings import whole_number
from gmcore.ports import Layer, Namespace, Pass

__all__ = ["GRU"]


@attrs.frozen
class GRU(Layer):
    """Gated recurrent unit (Cho et al., 2014, arXiv:1406.1078), in the form of cuDNN and of `torch.nn.GRU`.

    From the state `h`, 0 at first, and the input `x` of a step follow the reset gate `r`, the update gate `z`, the
    candidate `n` and the next state; `*` is elementwise:

        r = sigmoid(x @ W_r + b_r + h @ U_r + c_r)
        z = sigmoid(x @ W_z + b_z + h @ U_z + c_z)
        n = tanh(x @ W_n + b_n + r * (h @ U_n + c_n))
        h = (1 - z) * n + z * h

    The reset gate is applied after the product with `U_n`, not before it as in the paper. Rows are `(time, channels)`.
    The parameters hold the three gates side by side, in the order `r`, `z`, `n`: `input_weight`
    `(channels, 3 * units)`, `hidden_weight` `(units, 3 * units)`, `input_bias` and `hidden_bias` `(3 * units,)`. They
    are drawn as torch draws them: uniform on `±1 / sqrt(units)`.

    Attributes:
        units: size of the state.
        return_sequences: whether the outputs are the states after each step, `(time, units)`, or the last, `(units,)`.
    """

    units: int = attrs.field(validator=whole_number)
    return_sequences: bool = attrs.field(default=False, validator=instance_of(bool), kw_only=True)

    def output_shape(self, input_shape: Shape) -> Shape:
        steps, _ = self._row(input_shape)
        return (steps, self.units) if self.return_sequences else (self.units,)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        _, channels = self._row(input_shape)
        limit, gates = 1 / math.sqrt(self.units), 3 * self.units
        shapes = {
            "input_weight": (channels, gates), "hidden_weight": (self.units, gates),
            "input_bias": (gates,), "hidden_bias": (gates,),
        }  # fmt: skip
        return Variables({name: rng.uniform(-limit, limit, shape) for name, shape in shapes.items()})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        xp, params = at.xp, variables.params
        self._row(inputs.shape[1:])
        check_channels(self, inputs, params["input_weight"].shape[0])
        # One product for the inputs of all steps: only the product with the state has to wait for the step before.
        of_inputs = _gates(inputs, params["input_weight"], params["input_bias"], xp)

        def step(state: Array, of_input: Array) -> tuple[Array, Array | None]:
            after = self._after(state, of_input, params, xp)
            return after, after if self.return_sequences else None

        start = xp.zeros((inputs.shape[0], self.units))
        last, states = xp.scan(step, start, xp.permute_dims(of_inputs, (1, 0, 2)))
        return xp.astype(xp.permute_dims(states, (1, 0, 2)) if self.return_sequences else last, xp.compute)

    def describe(self, input_shape: Shape) -> str:
        every = ", return_sequences=True" if self.return_sequences else ""
        return f"GRU(channels={input_shape[-1]}, units={self.units}{every})"

    def _row(self, input_shape: Shape) -> Shape:
        """Return the shape of a row, `(time, channels)`."""
        shape = of_one_array(self, input_shape)
        if len(shape) != 2:  # noqa: PLR2004 - time and channels
            raise ValueError(f"GRU needs rows of shape (time, channels), got rows of shape {shape}")
        return shape

    def _after(self, state: Array, of_input: Array, params: Tree, xp: Namespace) -> Array:
        """Return the state after a step, `(batch, units)`, from the one before and the step's part of the inputs."""
        both = 2 * self.units
        of_state = _gates(state, params["hidden_weight"], params["hidden_bias"], xp)
        gates = xp.sigmoid(of_input[:, :both] + of_state[:, :both])
        reset, update = gates[:, : self.units], gates[:, self.units :]
        candidate = xp.tanh(of_input[:, both:] + reset * of_state[:, both:])
        return candidate + update * (state - candidate)


def _gates(x: Array, weight: Array, bias: Array, xp: Namespace) -> Array:
    """Return `x @ weight + bias`, multiplied in `xp.compute`; the state between steps stays in `xp.float`."""
    products = xp.matmul(xp.astype(x, xp.compute), xp.astype(weight, xp.compute))
    return xp.astype(products, xp.float) + per_column(bias, products)
