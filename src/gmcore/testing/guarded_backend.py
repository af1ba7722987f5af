"""A backend that raises an error if training reads from the device more than once per epoch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar

import attrs

from gmcore.domain import Array, Cancellation, Device, EpochEnd, EpochStart, FitStart, Memory, Snapshot
from gmcore.ports import Backend, CheckpointStore, Namespace, TrainingTask
from gmcore.ports.compute import InAxes

__all__ = ["GuardedBackend"]

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")
P = ParamSpec("P")
Params = TypeVar("Params")
Aux = TypeVar("Aux")
Carry = TypeVar("Carry")
X = TypeVar("X")
Y = TypeVar("Y")
Shared = TypeVar("Shared")

# An epoch's results are read while the next one is enqueued, so two reads can be due at once.
_MOST_ALLOWED = 2


@attrs.define(kw_only=True, eq=False)
class GuardedBackend(Backend):
    """A wrapper of a backend that allows one call of `to_numpy` per epoch.

    Reads before the first epoch, after the last one, for a checkpoint that is due and after a stop was requested are
    not limited; `reads` counts the others. Only `to_numpy` is observed; to guard a library's own transfers to the host,
    use the library (`jax.transfer_guard`).

    Attributes:
        inner: the backend that computes.
        reads: number of limited reads so far.
        epochs: number of epochs begun.
    """

    inner: Backend
    reads: int = attrs.field(init=False, default=0)
    epochs: int = attrs.field(init=False, default=0)
    _max_epochs: int = attrs.field(init=False, default=0)
    _over: bool = attrs.field(init=False, default=False)
    _allowed: int | None = attrs.field(init=False, default=None)
    _due: int = attrs.field(init=False, default=0)
    _cancellation: Cancellation = attrs.field(init=False, factory=Cancellation)

    def guard(self, task: TrainingTask) -> TrainingTask:
        """Return the task with this backend, and with hooks that inform it of epochs."""
        self._cancellation = task.cancellation
        hooks = attrs.evolve(
            task.hooks,
            fit_start=(*task.hooks.fit_start, self._fit_start),
            epoch_start=(*task.hooks.epoch_start, self._epoch_start),
            epoch_end=(*task.hooks.epoch_end, self._epoch_end),
        )
        store = task.checkpoints and _GuardedStore(inner=task.checkpoints, backend=self)
        return attrs.evolve(task, backend=self, hooks=hooks, checkpoints=store)

    def to_numpy(self, arrays: T) -> T:
        if self._due:
            self._due -= 1
        elif self._allowed is not None and not self._cancellation.requested:
            self.reads += 1
            self._allowed -= 1
            if self._allowed < 0:
                raise AssertionError(
                    f"read from the device during epoch {self.epochs}; only one read after each epoch is allowed"
                )
        return self.inner.to_numpy(arrays)

    def free(self) -> None:
        """Allow any number of reads until the next epoch begins."""
        self._allowed = None

    def expect(self, reads: int) -> None:
        """Allow this number of additional reads."""
        self._due = reads

    def _fit_start(self, moment: FitStart) -> None:
        self._max_epochs, self._over, self._allowed = moment.max_epochs, False, None

    def _epoch_start(self, _: EpochStart) -> None:
        self.epochs += 1
        self._allowed = min(_MOST_ALLOWED, (self._allowed or 0) + 1)

    def _epoch_end(self, moment: EpochEnd) -> None:
        if moment.epoch >= self._max_epochs or not moment.active.any():
            self._over = True
            self.free()

    @property
    def name(self) -> str:  # type: ignore[override]
        """The inner backend's name."""
        return self.inner.name

    @property
    def dtype(self) -> str:  # type: ignore[override]
        """The inner backend's dtype."""
        return self.inner.dtype

    @property
    def compute(self) -> str:  # type: ignore[override]
        """The inner backend's compute dtype."""
        return self.inner.compute

    @property
    def device(self) -> str:  # type: ignore[override]
        """The inner backend's device."""
        return self.inner.device

    @property
    def xp(self) -> Namespace:  # type: ignore[override]
        """The inner backend's namespace."""
        return self.inner.xp

    @classmethod
    def devices(cls, dtype: str) -> Sequence[Device]:  # noqa: ARG003
        return ()

    @property
    def compilations(self) -> int:
        return self.inner.compilations

    def asarray(self, host: T) -> T:
        return self.inner.asarray(host)

    def value_and_grad(
        self, fn: Callable[Concatenate[Params, P], tuple[Array, Aux]]
    ) -> Callable[Concatenate[Params, P], tuple[tuple[Array, Aux], Params]]:
        return self.inner.value_and_grad(fn)

    def vmap(self, fn: F, in_axes: int | Sequence[InAxes] = 0) -> F:
        return self.inner.vmap(fn, in_axes)

    def compile(
        self,
        fn: F,
        *,
        loops: bool = False,
        donate: tuple[int, ...] = (),
        members: tuple[int | None, ...] = (),
        lengths: tuple[int, ...] = (),
    ) -> F:
        return self.inner.compile(fn, loops=loops, donate=donate, members=members, lengths=lengths)

    def prepare(
        self, program: Callable[..., object], *arguments: object, on_device: tuple[int, ...] = ()
    ) -> Callable[[], None]:
        return self.inner.prepare(program, *arguments, on_device=on_device)

    def scan(
        self,
        step: Callable[[Carry, X, Shared], tuple[Carry, Y]],
        carry: Carry,
        xs: X,
        shared: Shared | None = None,
        length: int | None = None,
    ) -> tuple[Carry, Y]:
        return self.inner.scan(step, carry, xs, shared, length)

    def checkpoint(self, fn: F) -> F:
        return self.inner.checkpoint(fn)

    def memory(self) -> Memory | None:
        return self.inner.memory()

    def is_out_of_memory(self, error: Exception) -> bool:
        return self.inner.is_out_of_memory(error)

    def provenance(self) -> Mapping[str, str]:
        return self.inner.provenance()


@attrs.define(kw_only=True, eq=False)
class _GuardedStore(CheckpointStore):
    """A checkpoint store that allows one read for each snapshot that is due."""

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
