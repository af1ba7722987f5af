"""A re-iterable over blocks of rows, for layers that learn from rows before training."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

__all__ = ["Blocks"]


@attrs.frozen(eq=False)
class Blocks:
    """Blocks of rows that can be iterated several times and are not kept in memory.

    Attributes:
        again: returns a new iterator, from the first block.
    """

    again: Callable[[], Iterator[Any]]

    def __iter__(self) -> Iterator[Any]:
        return self.again()
