"""One-step approximation: gradients of recurrent layers through the last steps alone."""

import attrs

from gmcore.nn.gradients.with_then import WithThen
from gmcore.nn.settings import whole_number
from gmcore.ports import Backend, Pass

__all__ = ["OneStepApproximation"]


@attrs.frozen(kw_only=True)
class OneStepApproximation(WithThen):
    """The gradient of recurrent layers flows through the current step alone, or through blocks of a few steps.

    Outputs and losses are those of backpropagation. The state that enters a block of steps counts as a constant, so
    gradients neither vanish nor explode over long sequences, and what a layer should have remembered from an earlier
    block is not learned from a later one. Blocks are counted from the end of a sequence: the first may be shorter. A
    sequence of at most `steps` steps has the exact gradient, like a model without recurrent layers.

    Formula:
        `h_t = f(x_t, c_t)` with `c_t = stop_gradient(h_{t-1})` for the steps `t` in `0 … T - 1` where `T - t` is a
        multiple of `steps`, and `c_t = h_{t-1}` for the others.

    Source:
        Williams and Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
        trajectories" (1990), truncated backpropagation through time; `torch.Tensor.detach` of the state.

    Attributes:
        steps: steps of a block; at least 1.
        then: how the gradient is computed otherwise.
    """

    steps: int = attrs.field(default=1, validator=whole_number)

    def __attrs_post_init__(self) -> None:
        inner = self.then
        while isinstance(inner, WithThen):
            if isinstance(inner, OneStepApproximation):
                raise ValueError(  # noqa: TRY004 - like attrs
                    f"then must not contain another one_step_approximation, got steps {self.steps} and {inner.steps}: "
                    f"set steps once"
                )
            inner = inner.then

    def training_pass(self, at: Pass, *, backend: Backend) -> Pass:
        return attrs.evolve(super().training_pass(at, backend=backend), truncation=self.steps)
