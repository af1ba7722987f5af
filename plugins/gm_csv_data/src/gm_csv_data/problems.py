"""Data errors, collected to be raised together."""

import contextlib
from collections.abc import Iterator

import attrs

from gmcore.errors import DataError

__all__ = ["Problems"]

_SHOWN = 20


@attrs.frozen
class Problems:
    """Errors found so far.

    Attributes:
        texts: their messages, in order.
    """

    texts: list[str] = attrs.field(factory=list)

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """Add the `DataError` that the block raises, if any, instead of raising it."""
        try:
            yield
        except DataError as error:
            self.texts.append(str(error))

    def refuse(self, name: str) -> None:
        """Raise `DataError` with all problems of the source `name`, if there are any."""
        if len(self.texts) == 1:
            raise DataError(self.texts[0])
        if self.texts:
            lines = "".join(f"\n  {text}" for text in self.texts[:_SHOWN])
            more = f"\n  and {len(self.texts) - _SHOWN} more" if len(self.texts) > _SHOWN else ""
            raise DataError(f"{name}: {len(self.texts)} problems{lines}{more}")
