"""Ability: a layer that is fitted to rows before training."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import RowBlock, Variables

__all__ = ["SupportsAdapt"]


@runtime_checkable
class SupportsAdapt(Protocol):
    """A layer that is fitted to rows before training starts; its `apply` also runs on the host, with NumPy."""

    @abstractmethod
    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables after fitting them to a member's training rows; shapes stay.

        A row of weight 2 counts as two rows, a row of weight 0 as none.

        Args:
            variables: as `init` returned them.
            blocks: blocks of the rows in order, NumPy arrays; iterating again gives the same blocks.
            rng: the member's own generator, for a fit that draws; equal generator states give equal variables.
        """
