"""Signal handling: Ctrl-C and SIGTERM cancel training; a second signal ends the process."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from gmcore.domain import Cancellation

__all__ = ["cancelled_by_signals"]

_NOTICE = b"\nstopping after the current step; repeat to stop immediately\n"


@contextlib.contextmanager
def cancelled_by_signals() -> Iterator[Cancellation]:
    """Yield a cancellation that Ctrl-C and SIGTERM request while the block runs."""
    cancellation = Cancellation()

    def stop(number: int, _: FrameType | None) -> None:
        cancellation.cancel(number)
        signal.signal(number, signal.SIG_DFL)
        # A stream may be in the middle of a write when the signal arrives; the file descriptor can always be written.
        with contextlib.suppress(OSError):
            os.write(2, _NOTICE)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancellation
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
