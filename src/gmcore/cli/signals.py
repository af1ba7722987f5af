"""Ctrl-C and SIGTERM ask training to stop; a second one stops the process."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from gmcore.domain import Cancellation

__all__ = ["cancelled_by_signals"]

_NOTICE = b"\nstopping at the next step; once more to stop at once\n"


@contextlib.contextmanager
def cancelled_by_signals() -> Iterator[Cancellation]:
    """Give a cancellation that Ctrl-C and SIGTERM raise while the block runs."""
    cancellation = Cancellation()

    def stop(number: int, _: FrameType | None) -> None:
        cancellation.cancel(number)
        signal.signal(number, signal.SIG_DFL)
        # A stream may be in the middle of a write when a signal comes; the file descriptor always takes it.
        with contextlib.suppress(OSError):
            os.write(2, _NOTICE)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancellation
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
