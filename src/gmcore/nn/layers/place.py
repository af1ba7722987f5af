"""The place of a layer in its containers, for the messages of errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from gmcore.errors import GmcoreError

__all__ = ["MisfitError", "at_place"]


class MisfitError(ValueError):
    """A layer inside a container can't take its inputs.

    Attributes:
        place: names of the containers' children on the way to the layer, joined by dots.
        reason: what the layer says.
    """

    def __init__(self, place: str, reason: object) -> None:
        super().__init__(f"layer {place!r}: {reason}")
        self.place, self.reason = place, reason


@contextmanager
def at_place(name: str) -> Iterator[None]:
    """Add a child's name to the errors of the port `Layer`, ValueErrors, that are raised inside."""
    try:
        yield
    except GmcoreError:  # some are ValueErrors, but say all
        raise
    except MisfitError as error:
        raise MisfitError(f"{name}.{error.place}", error.reason) from error.__cause__
    except ValueError as error:
        raise MisfitError(name, error) from error
