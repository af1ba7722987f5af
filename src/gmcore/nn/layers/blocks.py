"""How rows come to layers that learn from them before training: block by block, as often as they need."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

__all__ = ["Blocks"]


@attrs.frozen(eq=False)
class Blocks:
    """Blocks of rows that can be gone through again, and are not kept.

    Attributes:
        again: begins from the first block.
    """

    again: Callable[[], Iterator[Any]]

    def __iter__(self) -> Iterator[Any]:
        return self.again()
