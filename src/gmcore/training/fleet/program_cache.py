"""What was compiled once and is asked for again, by whoever trains or scores the same kind of model."""

import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar, cast

from gmcore.ports import Backend

__all__ = ["cached_program"]

T = TypeVar("T")

_lock = threading.Lock()
# Compiled programs are small; what they are made of holds no rows, and no weights.
_kept: deque[tuple[Backend, tuple[object, ...], object]] = deque(maxlen=32)


def cached_program(backend: Backend, of: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return what an earlier call with this backend and equals of `of` made, or else make it.

    Few are kept, the ones asked for last, so whatever `make` closes over must be small.

    Args:
        backend: whose programs they are.
        of: all that they depend on, beside the shapes of what they are called with; a name of what they are first.
            What can't be compared differs.
        make: makes them.
    """
    with _lock:
        same = (at for at, (its, parts, _) in enumerate(_kept) if its is backend and _equal(parts, of))
        if (place := next(same, None)) is None:
            made = make()
        else:
            made = cast("T", _kept[place][2])
            del _kept[place]
        _kept.append((backend, of, made))
    return made


def _equal(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    try:
        return bool(one == other)
    except (TypeError, ValueError):  # arrays are compared number by number
        return False
