"""Backpropagation."""

import attrs

from gmcore.domain import Tree
from gmcore.ports import Backend, FleetLoss, GradientStrategy, Losses

__all__ = ["Backpropagation"]


@attrs.frozen(kw_only=True)
class Backpropagation(GradientStrategy):
    """The exact gradient of the whole batch at once, by reverse-mode differentiation.

    Formula:
        `∇ = ∂/∂params Σ_i w_i · loss_i / Σ_i w_i` over the rows `i` of a batch with weights `w`, for each member.

    Source:
        Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986);
        `torch.Tensor.backward`.
    """

    def gradient(
        self, loss: FleetLoss, params: Tree, buffers: Tree, batch: Tree, *, backend: Backend
    ) -> tuple[Losses, Tree]:
        return backend.value_and_grad(loss)(params, buffers, batch)
