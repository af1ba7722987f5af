"""A re-iterable over blocks of rows, for layers that learn from rows before training."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import attrs
import numpy as np

from gmcore.domain import RowBlock, Rows

__all__ = ["Blocks", "counted", "with_inputs"]

T = TypeVar("T")


@attrs.frozen(eq=False)
class Blocks(Iterable[T]):
    """Blocks of rows that can be iterated several times and are not kept in memory.

    Attributes:
        again: returns a new iterator, from the first block.
    """

    again: Callable[[], Iterator[T]]

    def __iter__(self) -> Iterator[T]:
        return self.again()

    @classmethod
    def of_rows(cls, rows: Rows) -> "Blocks[RowBlock]":
        """Return all rows in blocks; their inputs are by name, as `Rows.inputs`."""
        return Blocks(lambda: map(_block, rows.blocks()))


def with_inputs(blocks: Iterable[RowBlock], inputs_of: Callable[[RowBlock], Any]) -> Blocks[RowBlock]:
    """Return the same rows with other inputs, computed when a block is reached."""
    return Blocks(lambda: (attrs.evolve(block, inputs=inputs_of(block)) for block in blocks))


def counted(blocks: Iterable[RowBlock]) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield the inputs of each block's rows of weight above 0, and their weights; blocks without any are left out.

    The inputs of the blocks are arrays. The weights are None if they are all 1.
    """
    for block in blocks:
        inputs, weights = block.inputs, block.weights
        if weights is not None and not (weights > 0).all():
            inputs, weights = inputs[weights > 0], weights[weights > 0]
        if len(inputs):
            yield inputs, weights


def _block(rows: Rows) -> RowBlock:
    return RowBlock(inputs=rows.inputs, targets=rows.targets, weights=rows.weights, numbers=rows.numbers)
