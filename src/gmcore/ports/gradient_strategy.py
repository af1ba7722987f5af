"""Port: how the gradient of a batch is computed."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from gmcore.domain import Array, Tree
from gmcore.ports.compute.backend import Backend
from gmcore.ports.forward_pass import Pass

__all__ = ["FleetLoss", "GradientStrategy", "Losses"]

Losses = tuple[Array, tuple[Array, Tree]]
"""`(value, (losses, buffers))`: what a `FleetLoss` returns."""

FleetLoss = Callable[[Tree, Tree, Tree], Losses]
"""`loss(params, buffers, batch) -> (value, (losses, buffers))`: a training pass of all members.

`value` is a scalar: the sum over the members of their rows' weighted losses, each divided by the summed weight of the
member's rows in the whole batch. So values and gradients of the parts of a batch add up to those of the batch.
`losses`, `(members,)`, are the members' weighted sums. `buffers` are those that training changes, before and after the
pass, `(members, …)`: an empty tree for a model that changes none.
"""


@runtime_checkable
class GradientStrategy(Protocol):
    """How the gradient of a batch is computed, for all members of a fleet at once.

    It is traced: it must not branch on values, and must not combine the values of several members.
    """

    @abstractmethod
    def gradient(
        self, loss: FleetLoss, params: Tree, buffers: Tree, batch: Tree, *, backend: Backend
    ) -> tuple[Losses, Tree]:
        """Return what `loss` returns for the whole batch, and the gradients, a tree like `params`.

        The gradients are those of `value`. `backend.value_and_grad(loss)(params, buffers, batch)` computes both at
        once.

        Args:
            loss: the loss of some rows.
            params: of all members, `(members, …)`.
            buffers: of all members, before the batch; only those that training changes.
            batch: the rows, `(members, rows, …)`: a tree with `inputs` by name, `targets`, and `weights`,
                `(members, rows)`, 0 for padding; and `key`, `(members, 2)`, if the model draws random numbers.
            backend: the array library.
        """

    def rows_at_once(self, batch_size: int) -> int:
        """Return how many rows of a batch are in memory with their intermediate values at the same time."""
        return batch_size

    def training_pass(self, at: Pass, *, backend: Backend) -> Pass:
        """Return what layers are given in the forward passes that `loss` consists of.

        A strategy that layers take part in changes `truncation` or `checkpoint`, and nothing else; one that holds
        another strategy hands the change of that on.

        Args:
            at: what layers are given by backpropagation, in a trace of `gradient`.
            backend: the array library.
        """
        del backend
        return at
