"""Port: a loss of a whole batch."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gmcore.domain import Array
from gmcore.ports.compute.namespace import Namespace
from gmcore.ports.loss import Loss

__all__ = ["BatchLoss"]


@runtime_checkable
class BatchLoss(Loss, Protocol):
    """A differentiable loss that is a batch's and not a row's, such as one minus a correlation.

    The loss of an epoch, and that of the rows to stop on, is the mean over batches, weighted by their summed weights.
    It therefore depends on the batch size, unlike a loss per row.
    """

    @abstractmethod
    def of_batch(
        self, outputs: Array, targets: Array, weights: Array, *, settings: Mapping[str, Array], xp: Namespace
    ) -> Array:
        """Return the loss of a batch, a scalar.

        A row of weight 2 counts as two rows, a row of weight 0, such as padding, as none. Loss and gradient are finite
        even if all weights are 0.

        Args:
            outputs: the model's outputs, `(batch, width)`.
            targets: class indices, `(batch,)`, int32, or numbers, `(batch, targets)`.
            weights: `(batch,)`, in `xp.float`.
            settings: values for the names of the property `settings`, each a scalar array or a Python number.
            xp: the backend's namespace.
        """

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        """Return the loss of a batch of rows of weight 1, for each of its rows."""
        rows = outputs.shape[0]
        loss = self.of_batch(outputs, targets, xp.ones((rows,)), settings=settings, xp=xp)
        return xp.broadcast_to(loss, (rows,))
