"""What gradient strategies share that change another one."""

import attrs

from gmcore.domain import Tree
from gmcore.nn.gradients.backpropagation import Backpropagation
from gmcore.nn.settings import instance_of_port
from gmcore.ports import Backend, FleetLoss, GradientStrategy, Losses, Pass

__all__ = ["WithThen"]


@attrs.frozen(kw_only=True)
class WithThen(GradientStrategy):
    """Another gradient strategy; a subclass overrides the methods that it changes, and calls those of `super()`.

    Attributes:
        then: the other strategy.
    """

    then: GradientStrategy = attrs.field(factory=Backpropagation, validator=instance_of_port(GradientStrategy))

    def gradient(
        self, loss: FleetLoss, params: Tree, buffers: Tree, batch: Tree, *, backend: Backend
    ) -> tuple[Losses, Tree]:
        return self.then.gradient(loss, params, buffers, batch, backend=backend)

    def rows_at_once(self, batch_size: int) -> int:
        return self.then.rows_at_once(batch_size)

    def training_pass(self, at: Pass, *, backend: Backend) -> Pass:
        return self.then.training_pass(at, backend=backend)
