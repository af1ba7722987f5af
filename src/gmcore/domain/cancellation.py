"""Cancellation: a request to stop training."""

import threading

from gmcore.errors import Cancelled

__all__ = ["Cancellation"]


class Cancellation:
    """A flag that any thread or signal handler can set, and that training checks between steps.

    Attributes:
        signal: number of the signal that requested the stop, or 0.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.signal = 0

    def cancel(self, signal: int = 0) -> None:
        """Request a stop at the next step; `signal` is the number of the signal received, or 0."""
        self.signal = self.signal or signal
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether a stop was requested."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if a stop was requested."""
        if self.requested:
            raise Cancelled("stopped on request", signal=self.signal)
