"""Cache of compiled programs, for later calls that train or score the same kind of model."""

import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar, cast

from gmcore.ports import Backend

__all__ = ["cached_program"]

T = TypeVar("T")

_lock = threading.Lock()
# Least recently used first. Compiled programs are small: they hold neither rows nor weights.
_cached: deque[tuple[Backend, tuple[object, ...], object]] = deque(maxlen=32)


def cached_program(backend: Backend, depends_on: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return what `make` returned for this backend and equal `depends_on`; call it if that is not in the cache.

    Only the 32 most recently used results are cached. They must be small, and so must all that `make` closes over.

    Args:
        backend: the one that compiles.
        depends_on: a name, then everything that the programs depend on besides the shapes of their arguments. Values
            that can't be compared with `==` count as different.
        make: makes the programs.
    """
    with _lock:
        hits = (place for place, (its, parts, _) in enumerate(_cached) if its is backend and _equal(parts, depends_on))
        if (place := next(hits, None)) is None:
            made = make()
        else:
            made = cast("T", _cached[place][2])
            del _cached[place]
        _cached.append((backend, depends_on, made))
    return made


def _equal(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    try:
        return bool(one == other)
    except (TypeError, ValueError):  # NumPy compares arrays element by element
        return False
