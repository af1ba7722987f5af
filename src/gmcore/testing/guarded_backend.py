"""A backend that raises where training reads from the device more than once an epoch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from gmcore.domain import Array, Cancellation, Device, EpochEnd, EpochStart, FitStart, Snapshot
from gmcore.ports import Backend, CheckpointStore, Namespace, TrainingTask

__all__ = ["GuardedBackend"]

F = TypeVar("F", bound=Callable[..., Any])

# What is read is an epoch behind what is enqueued.
_SAVED_UP = 2


@attrs.define(kw_only=True, eq=False)
class GuardedBackend(Backend):
    """Another backend, whose `to_numpy` waits for nothing in the loop but once an epoch.

    Before the first epoch, after the last and for a checkpoint that is due reads are free, and so they are once a
    stop was asked for. `reads` counts the others. It sees what goes through `to_numpy` alone; a library's own
    ways to the host are the library's to guard (`jax.transfer_guard`).

    Attributes:
        inner: the backend that computes.
        reads: how often the loop read.
        epochs: how many epochs were begun.
    """

    inner: Any
    reads: int = attrs.field(init=False, default=0)
    epochs: int = attrs.field(init=False, default=0)
    _max_epochs: int = attrs.field(init=False, default=0)
    _over: bool = attrs.field(init=False, default=False)
    _allowed: int | None = attrs.field(init=False, default=None)
    _due: int = attrs.field(init=False, default=0)
    _cancellation: Cancellation = attrs.field(init=False, factory=Cancellation)

    def guard(self, task: TrainingTask) -> TrainingTask:
        """Return the task on this backend, told of the epochs."""
        self._cancellation = task.cancellation
        hooks = attrs.evolve(
            task.hooks,
            fit_start=(*task.hooks.fit_start, self._fit_start),
            epoch_start=(*task.hooks.epoch_start, self._epoch_start),
            epoch_end=(*task.hooks.epoch_end, self._epoch_end),
        )
        store = task.checkpoints and _GuardedStore(inner=task.checkpoints, backend=self)
        return attrs.evolve(task, backend=self, hooks=hooks, checkpoints=store)

    def to_numpy(self, arrays: Any) -> Any:
        if self._due:
            self._due -= 1
        elif self._allowed is not None and not self._cancellation.requested:
            self.reads += 1
            self._allowed -= 1
            if self._allowed < 0:
                raise AssertionError(f"read from the device within epoch {self.epochs}: one is read once, at its end")
        return self.inner.to_numpy(arrays)

    def free(self) -> None:
        """Let reads be free until the next epoch begins."""
        self._allowed = None

    def expect(self, reads: int) -> None:
        """Let so many reads be free, besides."""
        self._due = reads

    def _fit_start(self, moment: FitStart) -> None:
        self._max_epochs, self._over, self._allowed = moment.max_epochs, False, None

    def _epoch_start(self, _: EpochStart) -> None:
        self.epochs += 1
        self._allowed = min(_SAVED_UP, (self._allowed or 0) + 1)

    def _epoch_end(self, moment: EpochEnd) -> None:
        if moment.epoch >= self._max_epochs or not moment.active.any():
            self._over = True
            self.free()

    @property
    def name(self) -> str:  # type: ignore[override]
        """What errors and provenance call the inner one."""
        return self.inner.name  # type: ignore[no-any-return]

    @property
    def dtype(self) -> str:  # type: ignore[override]
        """The inner one's."""
        return self.inner.dtype  # type: ignore[no-any-return]

    @property
    def compute(self) -> str:  # type: ignore[override]
        """The inner one's."""
        return self.inner.compute  # type: ignore[no-any-return]

    @property
    def device(self) -> str:  # type: ignore[override]
        """The inner one's."""
        return self.inner.device  # type: ignore[no-any-return]

    @property
    def xp(self) -> Namespace:  # type: ignore[override]
        """The inner one's."""
        return self.inner.xp  # type: ignore[no-any-return]

    @classmethod
    def devices(cls, dtype: str) -> Sequence[Device]:  # noqa: ARG003
        return ()

    @property
    def compilations(self) -> int:
        return self.inner.compilations  # type: ignore[no-any-return]

    def asarray(self, host: Any) -> Any:
        return self.inner.asarray(host)

    def value_and_grad(self, fn: Callable[..., tuple[Array, Any]]) -> Callable[..., tuple[tuple[Array, Any], Any]]:
        return self.inner.value_and_grad(fn)  # type: ignore[no-any-return]

    def vmap(self, fn: F, in_axes: Any = 0) -> F:
        return self.inner.vmap(fn, in_axes)  # type: ignore[no-any-return]

    def compile(self, fn: F, **options: Any) -> F:
        return self.inner.compile(fn, **options)  # type: ignore[no-any-return]

    def scan(self, step: Callable[[Any, Any, Any], tuple[Any, Any]], carry: Any, xs: Any, shared: Any = None) -> Any:
        return self.inner.scan(step, carry, xs, shared)

    def checkpoint(self, fn: F) -> F:
        return self.inner.checkpoint(fn)  # type: ignore[no-any-return]

    def memory(self) -> Any:
        """Return what the inner one does."""
        return self.inner.memory()

    def provenance(self) -> Mapping[str, str]:
        return self.inner.provenance()  # type: ignore[no-any-return]


@attrs.define(kw_only=True, eq=False)
class _GuardedStore(CheckpointStore):
    """A store whose due snapshots may be read, once each, before they are saved."""

    inner: CheckpointStore
    backend: GuardedBackend

    def due(self, *, epoch: int, step: int) -> bool:
        due = self.inner.due(epoch=epoch, step=step)
        if due:
            self.backend.expect(1)
        return due

    def save(self, snapshot: Snapshot) -> None:
        self.inner.save(snapshot)
        self.backend.expect(0)

    def report(self) -> None:
        self.inner.report()

    def wait(self) -> None:
        self.inner.wait()

    def load(self, chunk: int) -> Snapshot | None:
        return self.inner.load(chunk)
