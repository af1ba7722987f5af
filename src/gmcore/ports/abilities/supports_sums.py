"""Ability: a metric from sums over rows."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array
from gmcore.ports.compute.namespace import Namespace

__all__ = ["SupportsSums"]


@runtime_checkable
class SupportsSums(Protocol):
    """A metric whose numbers follow from sums over rows: those can be taken on the device while a fleet trains.

    `of_sums` of the sums over all batches is what `compute` returns for their rows, to rounding. A metric that needs
    all rows at once, such as one of ranks, can't be had so.
    """

    @abstractmethod
    def sums(
        self, predictions: Array, targets: Array, weights: Array, *, center: Array | float, xp: Namespace
    ) -> Mapping[str, Array]:
        """Return what adds up over batches, by name: float arrays whose shapes do not depend on the batch's.

        It is traced, and sees one member, without a fleet's axis.

        Args:
            predictions: as for `compute`, `(batch, …)`, in the backend's float dtype.
            targets: as for `compute`.
            weights: `(batch,)`; a row of weight 0 fills the batch up and adds nothing, whatever it holds.
            center: of numbers, `(targets,)`: a value near their mean, the same for all batches, from which sums of
                squares can start without losing digits; 0 of classes.
            xp: the backend's namespace.
        """

    @abstractmethod
    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the numbers by name, from the sums over all batches.

        Args:
            sums: by name, float64, with any axes before those that `sums` gave them, such as the members'.

        Returns:
            Arrays of those axes; NaN where no row counted.
        """
