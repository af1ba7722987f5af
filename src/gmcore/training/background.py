"""Work that a thread does while the caller does something else."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["in_background"]

T = TypeVar("T")
Work = Callable[[], None]

_log = logging.getLogger("gmcore.training")


@contextlib.contextmanager
def in_background(begin: Callable[[], Work | None]) -> Iterator[None]:
    """Do some work in a thread while the body runs, and wait for its end.

    It must be work that is done again where its result is needed and missing, so that what it raises is raised there.
    It is also logged, for debugging.

    Args:
        begin: called first, in the caller's thread; returns the work, or None if there is none.
    """
    work = _attempt(begin)
    if work is None:
        yield
        return
    # Not a daemon: a thread that is compiling when the interpreter exits would crash it.
    thread = threading.Thread(target=_attempt, args=(work,), name="gmcore-background")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _attempt(work: Callable[[], T]) -> T | None:
    try:
        return work()
    except Exception:  # noqa: BLE001 - it is raised again where the work is done again
        _log.debug("work in the background failed, and is done when it is needed", exc_info=True)
        return None
