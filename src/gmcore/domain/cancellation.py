"""A request to stop."""

import threading

from gmcore.errors import Cancelled

__all__ = ["Cancellation"]


class Cancellation:
    """A flag that is raised once, from any thread or signal handler, and checked between steps."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.signal = 0

    def cancel(self, signal: int = 0) -> None:
        """Ask for a stop at the next step; `signal` is the signal that asked, or 0."""
        self.signal = self.signal or signal
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if a stop was asked for."""
        if self.requested:
            raise Cancelled("stopped on request", signal=self.signal)
