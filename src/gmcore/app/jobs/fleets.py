"""The training of fleets by an engine: as a whole in this process, or cut into jobs in others.

An engine in this process trains one fleet after the other, with the run's own listeners and checkpoints. Any other gets
the jobs of all fleets at once. This process waits for them in the order of the members, whatever the order in which
they end, and takes the results of each from its checkpoints: the workflow restores a final one and trains nothing.
"""

import contextlib
from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path

import attrs

from gmcore.app.jobs.fleet_folder import Cut, has_ended, is_taken_over, lines_of, placed, write_cut
from gmcore.app.jobs.job_folder import log_of, stored_rows, write_job
from gmcore.app.jobs.named import check_engine
from gmcore.app.jobs.pieces import FleetRun, Piece, pieces_of
from gmcore.app.jobs.work import run_job
from gmcore.domain import Cancellation, Hooks, Job, JobEnd, Member, MemberFailed, TrainingResult
from gmcore.errors import TrainingError
from gmcore.ports import Engine, SupportsObjects
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.files import append
from gmcore.storage.optional_writes import OptionalWrites
from gmcore.storage.temporary import cache_folder, temporary_folder
from gmcore.training.cross_validate import Outcome
from gmcore.training.finished import finished_members

__all__ = ["FleetTraining"]


@attrs.frozen(kw_only=True, eq=False)
class FleetTraining:
    """Trains the fleets of a run by its engine.

    Attributes:
        hooks: the run's listeners.
        checkpoints: the store of the run's checkpoints; None without a run folder.
        log: the run's epoch log; None without a run folder.
        cancellation: requests a stop.
    """

    hooks: Hooks
    checkpoints: Checkpoints | None
    log: Path | None
    cancellation: Cancellation

    def outcomes(self, fleets: Sequence[FleetRun]) -> Generator[list[Outcome], None, None]:
        """Yield the outcomes of the members of each fleet, in order; the fleets have one engine and the same rows.

        Raises:
            Cancelled: if a stop was requested.
            ConfigError: if the engine can't train with the components of a run.
            TrainingError: if a job raised an error.
        """
        engine = fleets[0].run.engine
        if isinstance(engine, SupportsObjects):
            yield from self._trained_here(engine, fleets)
        else:
            check_engine(fleet.run for fleet in fleets)
            with self._folder_of_jobs() as root, stored_rows(fleets[0].run.rows) as rows:
                yield from self._trained_elsewhere(engine, fleets, root=root, rows=rows)

    def _trained_here(self, engine: SupportsObjects, fleets: Sequence[FleetRun]) -> Iterator[list[Outcome]]:
        root = self.checkpoints.folder if self.checkpoints else Path()
        jobs = [Job(name=fleet.name, folder=root / fleet.name) for fleet in fleets]
        by_name = {fleet.name: fleet for fleet in fleets}
        outcomes: list[Outcome] = []

        def run(job: Job) -> None:
            fleet, store = by_name[job.name], self.checkpoints
            if store is not None and fleet.first is not None:
                store = attrs.evolve(store, folder=job.folder)
                write_cut(job.folder, Cut(members=fleet.count))
            task = fleet.task(self.hooks, self.cancellation, store)
            try:
                outcomes[:] = fleet.run.workflow.train(task, fleet.members())
            except TrainingError as error:
                outcomes[:] = [str(error)] * fleet.count

        for _ in engine.run_here(jobs, run):
            yield list(outcomes)

    def _trained_elsewhere(
        self, engine: Engine, fleets: Sequence[FleetRun], *, root: Path, rows: Path
    ) -> Iterator[list[Outcome]]:
        pieces = [pieces_of(fleet, root / fleet.name, engine.workers) for fleet in fleets]
        waiting = [piece.job for own in pieces for piece in self._prepared(own, rows)]
        done = {piece.job for own in pieces for piece in own}.difference(waiting)
        ended = {job.name: JobEnd(job=job) for job in done}
        logged = frozenset(lines_of(self.log)) if self.log is not None and ended else frozenset()
        with contextlib.closing(engine.run(waiting, run_job, self.cancellation)) as ends:
            for own in pieces:
                members, outcomes = own[0].fleet.members(), list[Outcome]()
                for piece in own:
                    while piece.job.name not in ended:
                        end = next(ends, None)
                        if end is None:
                            raise TrainingError(f"the engine has ended without the job {piece.job.name}")
                        ended[end.job.name] = end
                    failure, part = ended.pop(piece.job.name).failure, members[piece.start : piece.end]
                    outcomes += [failure] * len(part) if failure else self._collected(piece, part, logged)
                yield _of_fleet(outcomes)

    def _prepared(self, pieces: Sequence[Piece], rows: Path) -> list[Piece]:
        """Return the jobs of a fleet that have not ended, whose folders are ready."""
        unfinished = [piece for piece in pieces if not has_ended(self._store(piece), piece.end - piece.start)]
        members = pieces[0].fleet.members() if unfinished else ()
        for piece in unfinished:
            write_job(
                piece.job.folder,
                piece.fleet.run,
                members[piece.start : piece.end],
                first=None if piece.fleet.first is None else piece.fleet.first + piece.start,
                rows=rows,
                identity=self.checkpoints.run if self.checkpoints else "",
            )
        return unfinished

    def _collected(self, piece: Piece, members: Sequence[Member], logged: Collection[bytes]) -> list[TrainingResult]:
        """Return the results of a job that has ended, tell listeners of it, and take over its epoch log.

        Args:
            piece: the job.
            members: its members.
            logged: the lines of the run's epoch log from before a resume.
        """
        self._take_over(lines_of(log_of(piece.job.folder)), logged)
        fleet, store = piece.fleet, self._store(piece)
        task = fleet.task(self.hooks, self.cancellation, store, start=piece.start)
        try:
            results = list(fleet.run.workflow.train(task, members))
        except TrainingError:
            # All members of the job failed, which is an error only if all of the fleet did.
            found = finished_members(members, placed(store.latest()))
            if len(found) < len(members):
                raise
            results = [found[place] for place in range(len(members))]
        for place, result in enumerate(results):
            if result.failure is not None:
                task.hooks.emit(MemberFailed(member=result.member, place=place, failure=result.failure))
        return results

    def _take_over(self, lines: Sequence[bytes], logged: Collection[bytes]) -> None:
        if self.log is not None and self.checkpoints is not None and not is_taken_over(lines, logged):
            content, path = b"".join(lines), self.log
            attempts = OptionalWrites(
                what="metrics", on_error=self.checkpoints.config.on_error, say=self.checkpoints.say
            )
            attempts(lambda: append(path, content))

    def _store(self, piece: Piece) -> Checkpoints:
        """Return the store of a job's checkpoints; listeners do not hear of those of other processes."""
        if self.checkpoints is not None:
            return attrs.evolve(self.checkpoints, folder=piece.job.folder)
        return Checkpoints(folder=piece.job.folder, config=piece.fleet.run.config.training.checkpoint)

    @contextlib.contextmanager
    def _folder_of_jobs(self) -> Iterator[Path]:
        """Yield the folder of the run's checkpoints, or a temporary one for a run without a folder."""
        if self.checkpoints is not None:
            yield self.checkpoints.folder
        else:
            with temporary_folder(cache_folder() / "jobs") as folder:
                yield folder


def _of_fleet(outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes of a fleet's jobs as those of a fleet that is trained as a whole, also if all have failed."""
    results = [one for one in outcomes if not isinstance(one, str)]
    if len(results) < len(outcomes) or not all(one.failure for one in results):
        return outcomes
    which = f"member {results[0].member}" if len(results) > 1 else "the model"
    return [f"training failed for {which}: {results[0].failure}"] * len(outcomes)
