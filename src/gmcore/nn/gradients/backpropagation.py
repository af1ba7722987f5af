"""Backpropagation."""

import attrs

from gmcore.domain import Tree
from gmcore.ports import Backend, FleetLoss, GradientStrategy, Losses

__all__ = ["Backpropagation"]


@attrs.frozen(kw_only=True)
class Backpropagation(GradientStrategy):
    """The exact gradient of the whole batch at once, by reverse-mode differentiation."""

    def gradient(
        self, loss: FleetLoss, params: Tree, buffers: Tree, batch: Tree, *, backend: Backend
    ) -> tuple[Losses, Tree]:
        return backend.value_and_grad(loss)(params, buffers, batch)
