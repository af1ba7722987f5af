"""Environment variables that plugins set for the libraries they load, which are no settings of the user's."""

import contextlib
import os
from collections.abc import Iterator, Mapping

__all__ = ["set_by_plugins", "variables_noted"]

_noted: dict[str, str] = {}


@contextlib.contextmanager
def variables_noted() -> Iterator[None]:
    """Note the environment variables that the code of a plugin in the block sets."""
    before = dict(os.environ)
    try:
        yield
    finally:
        _noted.update({name: value for name, value in os.environ.items() if before.get(name) != value})


def set_by_plugins() -> Mapping[str, str]:
    """Return the environment variables that still have the value that a plugin has set."""
    return {name: value for name, value in _noted.items() if os.environ.get(name) == value}
