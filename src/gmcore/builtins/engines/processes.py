"""Engine: worker processes on this machine, one a core or device."""

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path

import attrs

from gmcore.builtins.engines.worker_process import WorkerDiedError, WorkerProcess
from gmcore.domain import Cancellation, Job, JobEnd
from gmcore.domain.cores import cores
from gmcore.nn.settings import whole_number
from gmcore.ports import Engine

__all__ = ["ProcessesEngine"]

_ATTEMPTS = 3
_SECONDS = 0.1  # between two looks at the cancellation


def _listed(devices: Iterable[str]) -> tuple[str, ...]:
    return (devices,) if isinstance(devices, str) else tuple(devices)


def _texts(_: object, attribute: "attrs.Attribute[tuple[str, ...]]", value: tuple[object, ...]) -> None:
    if not all(isinstance(one, str) and one.isprintable() for one in value):
        raise ValueError(f'{attribute.name} must be texts, such as ["0", "1"], got {list(value)!r:.60}')


@attrs.frozen(kw_only=True)
class ProcessesEngine(Engine):
    """Runs jobs in worker processes on this machine.

    A worker gets one job after the other. If its process dies, a new one takes its place, and the job is run again.

    Attributes:
        workers: number of processes; by default the number of usable cores.
        devices: values of CUDA_VISIBLE_DEVICES, such as `["0", "1"]`: worker `i` gets the one at `i % len(devices)`;
            by default all workers see the devices that this process sees.
    """

    workers: int = attrs.field(factory=cores, validator=whole_number)
    devices: tuple[str, ...] = attrs.field(default=(), converter=_listed, validator=_texts)

    def run(
        self, jobs: Sequence[Job], run_job: Callable[[Path], None], cancellation: Cancellation
    ) -> Generator[JobEnd, None, None]:
        pool = _Pool(run_job=run_job, environments=[self._environment(place) for place in range(self.workers)])
        ends: queue.SimpleQueue[JobEnd | BaseException | None] = queue.SimpleQueue()
        # In a thread, so that workers get further jobs while the caller is busy with a result.
        thread = threading.Thread(target=pool.run, args=(jobs, cancellation, ends), name="gmcore-processes")
        thread.start()
        try:
            while (end := ends.get()) is not None:
                if isinstance(end, BaseException):
                    raise end
                yield end
        finally:
            pool.closed.set()
            thread.join()

    def _environment(self, place: int) -> Mapping[str, str]:
        return {"CUDA_VISIBLE_DEVICES": self.devices[place % len(self.devices)]} if self.devices else {}


@attrs.define(kw_only=True, eq=False)
class _Pool:
    """The worker processes, by place.

    Attributes:
        run_job: the function that runs a job.
        environments: the variables of the worker at each place.
        workers: those that live.
        closed: whether the caller wants no more results.
    """

    run_job: Callable[[Path], None]
    environments: Sequence[Mapping[str, str]]
    workers: dict[int, WorkerProcess] = attrs.field(factory=dict)
    closed: threading.Event = attrs.field(factory=threading.Event)

    def run(
        self,
        jobs: Sequence[Job],
        cancellation: Cancellation,
        ends: "queue.SimpleQueue[JobEnd | BaseException | None]",
    ) -> None:
        """Run all jobs; put their ends, and at last None or what was raised, when no process runs any more."""
        try:
            try:
                for end in self._ends(jobs, cancellation):
                    ends.put(end)
            finally:
                self._stop()
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            ends.put(error)
        else:
            ends.put(None)

    def _ends(self, jobs: Sequence[Job], cancellation: Cancellation) -> Iterator[JobEnd]:
        waiting, deaths = deque(jobs), Counter[str]()
        while (waiting or self._busy()) and not self.closed.is_set():
            cancellation.check()
            self._give(waiting)
            for place, worker in self._answering():
                job = worker.job
                assert job is not None  # noqa: S101 - it answers for its job
                try:
                    worker.result()
                except WorkerDiedError as death:
                    self._bury(place)
                    deaths[job.name] += 1
                    if deaths[job.name] == _ATTEMPTS:
                        yield JobEnd(
                            job=job,
                            failure=f"{job.name} was lost: its process died {_ATTEMPTS} times, the last time {death}",
                        )
                    else:
                        waiting.appendleft(job)
                else:
                    yield JobEnd(job=job)

    def _stop(self) -> None:
        """Ask all workers to save a checkpoint and end, and wait until they have."""
        for worker in self.workers.values():
            worker.stop()
        for place in list(self.workers):
            self._bury(place)

    def _give(self, waiting: deque[Job]) -> None:
        """Give a job to each worker without one, as long as there are jobs; start those that are missing."""
        for place, environment in enumerate(self.environments):
            if not waiting:
                return
            if place not in self.workers:
                self.workers[place] = WorkerProcess.start(self.run_job, environment)
            if self.workers[place].job is None:
                self.workers[place].give(waiting.popleft())

    def _busy(self) -> dict[int, WorkerProcess]:
        return {place: worker for place, worker in self.workers.items() if worker.job is not None}

    def _answering(self) -> list[tuple[int, WorkerProcess]]:
        """Return the workers that have answered or died, after a short wait at most."""
        busy = self._busy()
        ready = wait([worker.answers.fileno() for worker in busy.values()], _SECONDS)
        return [
            (place, worker) for place, worker in busy.items() if worker.answers.fileno() in ready or worker.has_died
        ]

    def _bury(self, place: int) -> None:
        worker = self.workers.pop(place)
        worker.stop()
        worker.wait()
