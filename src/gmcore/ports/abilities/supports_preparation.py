"""Ability: a workflow that prepares for validation while it trains."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

__all__ = ["SupportsPreparation"]


@runtime_checkable
class SupportsPreparation(Protocol):
    """A workflow that prepares for validation while it trains, such as by compiling what validation needs."""

    @abstractmethod
    def prepare(self, rows: Sequence[np.ndarray]) -> None:
        """Expect `validate` to be called after the next `train`, with as many members and these rows.

        No result depends on it.
        """
