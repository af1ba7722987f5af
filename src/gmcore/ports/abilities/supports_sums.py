"""Ability: a metric that is computed from sums over rows."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array
from gmcore.ports.compute.namespace import Namespace

__all__ = ["SupportsSums"]


@runtime_checkable
class SupportsSums(Protocol):
    """A metric that is computed from sums over rows, which can be accumulated on the device during training.

    `of_sums` of the sums over all batches equals `compute` of all their rows, up to rounding. A metric that needs all
    rows at once, such as one based on ranks, can't have this ability.
    """

    @abstractmethod
    def sums(
        self, predictions: Array, targets: Array, weights: Array, *, center: Array | float, xp: Namespace
    ) -> Mapping[str, Array]:
        """Return the sums of a batch, by name: float arrays whose shapes do not depend on the batch size.

        It is traced, and computes one member, without the members axis.

        Args:
            predictions: as for `compute`, `(batch, …)`, in the backend's float dtype.
            targets: as for `compute`.
            weights: `(batch,)`; a row with weight 0 pads the batch and adds nothing, whatever its values.
            center: for regression, a value near the mean of the targets, `(targets,)`, the same for all batches:
                deviations from it keep sums of squares accurate; for classification 0.
            xp: the backend's namespace.
        """

    @abstractmethod
    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the metric's numbers by name, from the sums over all batches.

        Args:
            sums: by name, float64, of the shapes that `sums` returns after any leading axes, such as the members.

        Returns:
            Arrays of the leading axes; NaN if the sum of the weights is 0.
        """
