"""Where the host's time goes in training, by phase."""

import time
from collections.abc import Callable
from typing import Literal, ParamSpec, TypeVar

import attrs

from gmcore.ports import Backend

__all__ = ["Clock"]

P = ParamSpec("P")
T = TypeVar("T")
Phase = Literal["compiling", "enqueuing", "waiting", "feeding", "saving"]


@attrs.define(kw_only=True, eq=False)
class Clock:
    """Wall time of the host in seconds, by phase, and the number of its reads.

    The device works at the same time; only `waiting` is time that the host spends on it.

    Attributes:
        backend: whose count of compilations tells a first call from a later one.
        compiling: calls that traced and compiled a program.
        enqueuing: all other calls of programs.
        waiting: reading results from the device.
        feeding: waiting for the batches of the next steps.
        saving: waiting for checkpoints to be written.
        reads: number of reads from the device.
    """

    backend: Backend
    compiling: float = 0.0
    enqueuing: float = 0.0
    waiting: float = 0.0
    feeding: float = 0.0
    saving: float = 0.0
    reads: int = 0

    def call(self, program: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Call a program, which returns before its results are computed."""
        compiled, begun = self.backend.compilations, time.perf_counter()
        result = program(*arguments, **keywords)
        self._add("enqueuing" if self.backend.compilations == compiled else "compiling", begun)
        return result

    def read(self, arrays: T) -> T:
        """Return a tree of arrays as NumPy arrays; waits until they are computed."""
        begun = time.perf_counter()
        result = self.backend.to_numpy(arrays)
        self._add("waiting", begun)
        self.reads += 1
        return result

    def time(self, phase: Phase, work: Callable[[], T]) -> T:
        """Return `work()`, timed as a phase, also if it raises."""
        begun = time.perf_counter()
        try:
            return work()
        finally:
            self._add(phase, begun)

    def report(self) -> dict[str, float]:
        """Return the seconds of each phase, `"compiling_seconds"` and so on, and the number of `"reads"`."""
        names = [field.name for field in attrs.fields(Clock) if field.type is float]
        return {f"{name}_seconds": getattr(self, name) for name in names} | {"reads": float(self.reads)}

    def _add(self, phase: Phase, begun: float) -> None:
        setattr(self, phase, getattr(self, phase) + time.perf_counter() - begun)
