"""What the host knows of a chunk's epochs, and the results that follow from it."""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from gmcore.domain import EpochEnd, Failure, Member, TrainingResult, Variables, WorkflowConfig
from gmcore.domain.tree import tree_map
from gmcore.errors import InputError
from gmcore.training.fleet.programs import Programs
from gmcore.training.fleet.segments import Segment
from gmcore.training.fleet.stopping.early_stopping import NORMS, summary_columns
from gmcore.training.fleet.trees import Summary, Weights

__all__ = ["EpochNumbers", "History", "history_columns", "read_summary", "result_of"]

_METRIC_PREFIX = "stop_"


@attrs.frozen(kw_only=True, eq=False)
class EpochNumbers:
    """The numbers of one epoch, `(members,)` each.

    Attributes:
        columns: by name, those of the epoch's summary and `was_active`, the mask of the members that trained in it.
        metrics: the metrics of the stop rows by name; NaN for members without stop rows.
    """

    columns: Mapping[str, np.ndarray]
    metrics: Mapping[str, np.ndarray]

    def context(self, members: tuple[int, ...], segment: Segment) -> EpochEnd:
        """Return the context for hooks; `segment` is the epoch's last, `members` are the members' indices."""
        return EpochEnd(
            members=members,
            epoch=segment.epoch + 1,
            train_loss=_read_only(self.columns["train_loss"]),
            stop_loss=_read_only(self.columns["stop_loss"]),
            learning_rate=_read_only(segment.learning_rate * self.columns["rate_scale"]),
            active=_read_only(self.columns["active"] > 0),
            metrics={name: _read_only(values) for name, values in self.metrics.items()},
            gradient_norms={name: _read_only(self.columns[name]) for name in NORMS if name in self.columns},
        )


@attrs.define(kw_only=True, eq=False)
class History:
    """All epochs of a chunk that the host has read.

    Attributes:
        names: of the rows of each epoch's array; those of metrics start with `"stop_"`.
        epochs: one array per epoch, `(names, members)` float64.
        failures: by the member's place in the chunk.
    """

    names: tuple[str, ...] = ()
    epochs: list[np.ndarray] = attrs.field(factory=list)
    failures: dict[int, Failure] = attrs.field(factory=dict)

    @property
    def all_stopped(self) -> bool:
        """Whether no member trains on after the last epoch."""
        return bool(self.epochs) and not self.last("active").any()

    def active(self, members: int) -> np.ndarray:
        """Return the mask of the members that train on after the last epoch, `(members,)`."""
        return self.last("active") > 0 if self.epochs else np.ones(members, bool)

    def last(self, name: str) -> np.ndarray:
        """Return one number of the last epoch, `(members,)`."""
        values: np.ndarray = self.epochs[-1][self.names.index(name)]
        return values

    def series(self, name: str, place: int) -> np.ndarray:
        """Return one number of one member, `(epochs,)`."""
        row = self.names.index(name)
        return np.array([epoch[row, place] for epoch in self.epochs])

    def metrics(self) -> tuple[str, ...]:
        """Return the names that are metrics'."""
        return tuple(name for name in self.names if name.startswith(_METRIC_PREFIX) and name != "stop_loss")

    def append(self, numbers: EpochNumbers) -> None:
        """Add an epoch.

        Raises:
            InputError: if its metrics are not those of the epochs before: the run was resumed with other metrics.
        """
        columns = {**numbers.columns, **{f"{_METRIC_PREFIX}{name}": row for name, row in numbers.metrics.items()}}
        if self.epochs and tuple(columns) != self.names:
            raise InputError(
                f"a resumed run must have the metrics that it began with: {_metric_names(self)}; "
                f"got {_metric_names(History(names=tuple(columns)))}"
            )
        self.names = tuple(columns)
        self.epochs.append(np.array(list(columns.values()), np.float64))

    def stacked(self) -> np.ndarray:
        """Return all epochs in one array, `(epochs, names, members)`."""
        return np.stack(self.epochs) if self.epochs else np.zeros((0, len(self.names), 0))


def history_columns(config: WorkflowConfig) -> tuple[str, ...]:
    """Return the names of a history's first columns; those of metrics follow."""
    return ("was_active", *summary_columns(config))


def read_summary(
    summary: Summary,
    members: Sequence[Member],
    programs: Programs,
    *,
    watched: np.ndarray | None,
    segment: Segment,
    was_active: np.ndarray,
) -> EpochNumbers:
    """Return an epoch's numbers.

    Args:
        summary: the epoch's, on the host.
        members: the chunk's.
        programs: those that computed the summary.
        watched: the metric that early stopping compares, `(members,)`; None if it compares the stop loss.
        segment: the epoch's last.
        was_active: mask of the members that trained in this epoch, `(members,)`.
    """
    read = zip(programs.columns, summary["numbers"].T.astype(np.float64), strict=True)
    columns = {"was_active": was_active, **dict(read)}
    has_stop = was_active & np.array([len(member.stop) > 0 for member in members])
    columns["train_loss"] = np.where(was_active, columns["train_loss"] / segment.weight, np.nan)
    columns["stop_loss"] = np.where(has_stop, columns["stop_loss"], np.nan)
    found = programs.metrics.values(summary["by_metric"])
    if programs.watched is not None and watched is not None:
        found[programs.watched.name] = watched
    # The predictions of a member that has failed in this epoch are no numbers.
    scored = has_stop & ~(columns["failed"] > 0)
    return EpochNumbers(
        columns=columns, metrics={name: np.where(scored, values, np.nan) for name, values in found.items()}
    )


def result_of(member: Member, place: int, history: History, kept: Weights, *, seconds: float) -> TrainingResult:
    """Return a member's result; `place` is its place in the chunk, `kept` are the chunk's weights on the host."""
    epochs = int(history.series("was_active", place).sum())
    norms = tuple(name for name in NORMS if name in history.names)
    names = ("train_loss", "stop_loss", *norms, *(history.metrics() if len(member.stop) else ()))
    series = {name: history.series(name, place)[:epochs] for name in names}
    final_loss = float(series["train_loss"][-1])
    own = tree_map(lambda leaf: leaf[place], {"params": kept["params"], "buffers": kept["buffers"]})
    return TrainingResult(
        member=member.index,
        variables=Variables(own["params"], own["buffers"], kept["shared"]),
        epochs=epochs,
        best_epoch=int(history.last("best_epoch")[place]),
        final_loss=final_loss,
        best_loss=float(history.last("best_loss")[place]) if len(member.stop) else final_loss,
        history=series,
        seconds=seconds,
        failure=history.failures.get(place),
    )


def _read_only(values: np.ndarray) -> np.ndarray:
    """Return a view that a hook can't write to, so that it can't change the results."""
    view = values.view()
    view.flags.writeable = False
    return view


def _metric_names(history: History) -> str:
    return ", ".join(name.removeprefix(_METRIC_PREFIX) for name in history.metrics()) or "none"
