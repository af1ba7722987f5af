"""What the host reads of an epoch, told to whoever listens and remembered."""

from collections.abc import Sequence

import attrs
import numpy as np

from gmcore.domain import EpochEnd, Failure, Member, TrainingResult, Tree, Variables
from gmcore.domain.tree import tree_map
from gmcore.errors import InputError
from gmcore.ports import TrainingTask
from gmcore.training.fleet.early_stopping import SUMMARY
from gmcore.training.fleet.segments import Segment
from gmcore.training.fleet.stop_metrics import StopMetrics

__all__ = ["History", "read_summary", "result_of"]

_OF_METRICS = "stop_"
_NUMBERS = ("was_active", *SUMMARY)


@attrs.define(kw_only=True, eq=False)
class History:
    """What is remembered of a chunk's epochs.

    Attributes:
        names: of the numbers; a metric's is that of the metric behind `"stop_"`.
        epochs: an epoch's numbers, `(numbers, members)`, float64.
    """

    names: tuple[str, ...] = _NUMBERS
    epochs: list[np.ndarray] = attrs.field(factory=list)

    def active(self, members: int) -> np.ndarray:
        """Return who is still learning, `(members,)`: everyone before the first epoch."""
        return self.last("active") > 0 if self.epochs else np.ones(members, bool)

    def last(self, name: str) -> np.ndarray:
        """Return a number of the last epoch, `(members,)`."""
        one: np.ndarray = self.epochs[-1][self.names.index(name)]
        return one

    def of(self, name: str, place: int) -> np.ndarray:
        """Return a number of one member, `(epochs,)`."""
        row = self.names.index(name)
        return np.array([numbers[row, place] for numbers in self.epochs])

    def metrics(self) -> tuple[str, ...]:
        """Return the names of the metrics' numbers."""
        return self.names[len(_NUMBERS) :]

    def append(self, numbers: dict[str, np.ndarray]) -> None:
        """Remember an epoch.

        Raises:
            InputError: if it has other numbers than the epochs before, of a run that other metrics began.
        """
        if self.epochs and tuple(numbers) != self.names:
            raise InputError(
                f"the run began with these metrics of each epoch: {_metrics(self.names)}; now there are "
                f"{_metrics(tuple(numbers))}: it goes on with the metrics that it began with"
            )
        self.names = tuple(numbers)
        self.epochs.append(np.stack([values.astype(np.float64) for values in numbers.values()]))

    def stacked(self) -> np.ndarray:
        """Return all of it, `(epochs, numbers, members)`."""
        return np.stack(self.epochs) if self.epochs else np.zeros((0, len(self.names), 0))


def read_summary(
    task: TrainingTask,
    members: Sequence[Member],
    metrics: StopMetrics,
    summary: Tree,
    segment: Segment,
    was_active: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return an epoch's numbers, `(members,)` each, and tell who listens.

    Args:
        task: whose.
        members: the chunk.
        metrics: of the stop rows.
        summary: as the end of the epoch returned it, on the host.
        segment: the epoch's last.
        was_active: who was learning, `(members,)`.
    """
    read = {"was_active": was_active, **dict(zip(SUMMARY, summary["numbers"].T.astype(np.float64), strict=True))}
    watched = was_active & np.array([len(member.stop) > 0 for member in members])
    read["train_loss"] = np.where(was_active, read["train_loss"] / segment.weight, np.nan)
    read["stop_loss"] = np.where(watched, read["stop_loss"], np.nan)
    found = {name: np.where(watched, values, np.nan) for name, values in metrics.read(summary).items()}
    for call in task.hooks.epoch_end:
        call(
            EpochEnd(
                members=tuple(member.index for member in members),
                epoch=segment.epoch + 1,
                train_loss=read["train_loss"],
                stop_loss=read["stop_loss"],
                learning_rate=segment.learning_rate,
                active=read["active"] > 0,
                metrics=found,
            )
        )
    return read | {f"{_OF_METRICS}{name}": values for name, values in found.items()}


def _metrics(names: Sequence[str]) -> str:
    return ", ".join(name.removeprefix(_OF_METRICS) for name in names[len(_NUMBERS) :]) or "none"


def result_of(
    member: Member, place: int, history: History, kept: Tree, seconds: float, failure: Failure | None
) -> TrainingResult:
    """Return what became of a member, from the chunk's history and what it kept."""
    epochs = int(history.of("was_active", place).sum())
    names = ("train_loss", "stop_loss", *(history.metrics() if len(member.stop) else ()))
    told = {name: history.of(name, place)[:epochs] for name in names}
    final = float(told["train_loss"][-1])
    mine = tree_map(lambda leaf: leaf[place], kept)
    return TrainingResult(
        member=member.index,
        variables=Variables(mine["params"], mine["buffers"]),
        epochs=epochs,
        best_epoch=int(history.last("best_epoch")[place]),
        final_loss=final,
        best_loss=float(history.last("best_loss")[place]) if len(member.stop) else final,
        history=told,
        seconds=seconds,
        failure=failure,
    )
