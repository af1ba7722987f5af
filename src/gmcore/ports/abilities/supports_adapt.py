"""Ability: a layer that learns from rows before training."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from gmcore.domain import Variables

__all__ = ["SupportsAdapt"]


@runtime_checkable
class SupportsAdapt(Protocol):
    """A layer that learns from rows before training starts: its `apply` also runs on the host's namespace."""

    @abstractmethod
    def adapt(self, variables: Variables, blocks: Iterable[Any]) -> Variables:
        """Return the variables with what it learns from inputs as `apply` has them, NumPy arrays; shapes stay.

        Args:
            variables: as `init` returned them.
            blocks: some rows at a time, in order; going through them again gives the same ones.
        """
