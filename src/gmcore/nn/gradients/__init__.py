"""Gradient strategies: how the gradient of a batch is computed."""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.nn.gradients.accumulation import Accumulation
    from gmcore.nn.gradients.backpropagation import Backpropagation
    from gmcore.nn.gradients.one_step_approximation import OneStepApproximation
    from gmcore.nn.gradients.recomputation import Recomputation
    from gmcore.nn.gradients.with_then import WithThen

__all__ = ["Accumulation", "Backpropagation", "OneStepApproximation", "Recomputation", "WithThen"]

__getattr__ = lazy_names(
    __name__,
    {
        "Accumulation": "accumulation",
        "Backpropagation": "backpropagation",
        "OneStepApproximation": "one_step_approximation",
        "Recomputation": "recomputation",
        "WithThen": "with_then",
    },
)
