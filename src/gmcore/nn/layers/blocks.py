"""A re-iterable over blocks of rows, for layers that learn from rows before training."""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

import attrs
import numpy as np

__all__ = ["Blocks", "counted"]


@attrs.frozen(eq=False)
class Blocks:
    """Blocks of rows that can be iterated several times and are not kept in memory.

    Attributes:
        again: returns a new iterator, from the first block.
    """

    again: Callable[[], Iterator[Any]]

    def __iter__(self) -> Iterator[Any]:
        return self.again()


def counted(
    blocks: Iterable[np.ndarray], weights: Iterable[np.ndarray] | None
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield the rows of each block that have a weight above 0, and their weights; blocks without any are left out.

    Args:
        blocks: blocks of rows.
        weights: the weights of each block's rows, `(rows,)`; None for equal weights of 1, and None is yielded.
    """
    for block, own in zip(blocks, repeat(None) if weights is None else weights, strict=weights is not None):
        if own is None or (own > 0).all():
            kept, kept_weights = block, own
        else:
            kept, kept_weights = block[own > 0], own[own > 0]
        if len(kept):
            yield kept, kept_weights
