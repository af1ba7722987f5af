"""Gated recurrent unit over a sequence."""

from typing import ClassVar

import attrs

from gmcore.domain import Array, Tree
from gmcore.nn.layers.recurrent import Recurrent, product
from gmcore.ports import Namespace

__all__ = ["GRU"]


@attrs.frozen
class GRU(Recurrent):
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

    gates: ClassVar[int] = 3

    def after(self, state: Array, of_input: Array, params: Tree, xp: Namespace) -> Array:
        both = 2 * self.units
        of_state = product(state, params["hidden_weight"], params["hidden_bias"], xp)
        gates = xp.sigmoid(of_input[:, :both] + of_state[:, :both])
        reset, update = gates[:, : self.units], gates[:, self.units :]
        candidate = xp.tanh(of_input[:, both:] + reset * of_state[:, both:])
        return candidate + update * (state - candidate)
