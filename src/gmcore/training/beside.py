"""Work that a thread does while the loop goes on."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

__all__ = ["Beside"]

T = TypeVar("T")


@attrs.define(eq=False)
class Beside(Generic[T]):
    """One piece of work, begun at once in a thread of its own; a process that ends waits for it.

    Attributes:
        work: what is to be done. It must not touch a backend, which is one thread's own.
    """

    work: Callable[[], T]
    _thread: threading.Thread = attrs.field(init=False)
    _result: T = attrs.field(init=False)
    _error: BaseException | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._do, name="gmcore-beside")
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it is done, or has failed."""
        return not self._thread.is_alive()

    def result(self) -> T:
        """Wait for the end, and return what the work gave or raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result

    def _do(self) -> None:
        try:
            self._result = self.work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._error = error
