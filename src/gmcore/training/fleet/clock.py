"""Where the time of training goes."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from gmcore.ports import Backend

__all__ = ["Clock"]

T = TypeVar("T")


@attrs.define(kw_only=True, eq=False)
class Clock:
    """Wall seconds by what the host was doing, and how often it read.

    The device works at the same time: `waiting` is how long the host waited for it.

    Attributes:
        backend: whose compilations tell a first call from the others.
        compiling: calls that traced and compiled a program.
        enqueuing: the other calls.
        waiting: reading what the device has computed.
        feeding: waiting for the plan and the rows of the next steps.
        saving: waiting for checkpoints to be written.
        reads: how often the host has read.
    """

    backend: Backend
    compiling: float = 0.0
    enqueuing: float = 0.0
    waiting: float = 0.0
    feeding: float = 0.0
    saving: float = 0.0
    reads: int = 0

    def call(self, program: Callable[..., T], *arguments: Any) -> T:
        """Call a program, which does not wait for its results."""
        compiled, begun = self.backend.compilations, time.perf_counter()
        result = program(*arguments)
        phase = "enqueuing" if self.backend.compilations == compiled else "compiling"
        self._add(phase, begun)
        return result

    def read(self, arrays: Any) -> Any:
        """Return arrays as NumPy's, once they are there."""
        begun = time.perf_counter()
        result = self.backend.to_numpy(arrays)
        self._add("waiting", begun)
        self.reads += 1
        return result

    def time(self, phase: str, work: Callable[[], T]) -> T:
        """Do some work on a phase's account."""
        begun = time.perf_counter()
        try:
            return work()
        finally:
            self._add(phase, begun)

    def report(self) -> dict[str, float]:
        """Return the seconds by phase, `"compiling_seconds"` and so on, and the `"reads"`."""
        names = [field.name for field in attrs.fields(Clock) if field.type is float]
        return {f"{name}_seconds": getattr(self, name) for name in names} | {"reads": float(self.reads)}

    def _add(self, phase: str, begun: float) -> None:
        setattr(self, phase, getattr(self, phase) + time.perf_counter() - begun)
