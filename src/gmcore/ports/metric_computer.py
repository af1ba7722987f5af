"""Port: how good predictions are."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, Schema
from gmcore.ports.backend import Namespace

__all__ = ["MetricComputer", "SupportsDirection", "SupportsSums"]


@runtime_checkable
class MetricComputer(Protocol):
    """One or more named numbers, computed over all rows that were scored, never averaged over batches."""

    @abstractmethod
    def check(self, schema: Schema) -> None:
        """Raise `ConfigError` if this can't be computed for such a target; called before training starts."""

    @abstractmethod
    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        """Return the numbers by name.

        Args:
            predictions: probabilities, `(rows, classes)`, or values, `(rows, targets)`, float64.
            targets: class indices, `(rows,)`, or values, `(rows, targets)`.
            weights: `(rows,)`, how much each row counts; None for 1 each.
        """


@runtime_checkable
class SupportsDirection(Protocol):
    """A metric that knows when one of its numbers is better than another: what choosing between models needs."""

    @property
    @abstractmethod
    def higher_is_better(self) -> Mapping[str, bool]:
        """Every number that `compute` returns, by name: whether more of it is better."""


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
