"""Ability: a layer that is fitted to rows before training."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from gmcore.domain import Array, Variables

__all__ = ["SupportsAdapt"]


@runtime_checkable
class SupportsAdapt(Protocol):
    """A layer that is fitted to rows before training starts; its `apply` also runs on the host, with NumPy."""

    @abstractmethod
    def adapt(self, variables: Variables, blocks: Iterable[Array], weights: Iterable[Array] | None = None) -> Variables:
        """Return the variables after fitting them to rows; shapes stay.

        A row of weight 2 counts as two rows, a row of weight 0 as none.

        Args:
            variables: as `init` returned them.
            blocks: blocks of rows in order, each like the inputs of `apply`, NumPy arrays; iterating again gives the
                same blocks.
            weights: the weights of each block's rows, `(rows,)`, float64, which can be iterated again, too; None for
                equal weights of 1.
        """
