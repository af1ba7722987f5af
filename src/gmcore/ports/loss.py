"""Port: a loss function."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gmcore.domain import Array, Target
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Loss"]


@runtime_checkable
class Loss(Protocol):
    """A differentiable loss per row; it is lower if the outputs fit the targets better.

    `of_rows` is traced and computes one member: it must not branch on values or make shapes depend on them.
    """

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, float]:
        """The hyperparameters that may differ between the members of a fleet, with this loss's values.

        A hyperparameter that drops out of the formula, such as a label smoothing of 0, is left out.
        """

    @abstractmethod
    def check(self, target: Target) -> None:
        """Raise `ConfigError` if the loss can't be computed for this target; called before training starts."""

    @abstractmethod
    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        """Return each row's loss, `(batch,)`.

        Args:
            outputs: the model's outputs, `(batch, width)`.
            targets: class indices, `(batch,)`, int32, or numbers, `(batch, targets)`.
            settings: values for the names of the property `settings`, each a scalar array or a Python number.
            xp: the backend's namespace.
        """
