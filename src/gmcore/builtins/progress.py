"""Hook plugin: progress bars on stderr, if it is a terminal; one per chunk of a fleet, or one per search."""

import sys

import attrs
import numpy as np
from attrs.validators import ge
from tqdm import tqdm

from gmcore.domain import (
    BatchEnd,
    EpochEnd,
    EpochStart,
    FitEnd,
    FitStart,
    FoldStart,
    MemberFailed,
    OutOfMemory,
    RunEnd,
    RunError,
    SearchStart,
    TrialEnd,
)
from gmcore.registry import hookimpl

__all__ = ["Progress"]

_UNITS_PER_MODEL = 1000  # resolution of a bar over the models of a search
_FORMAT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class _Bar(tqdm):  # type: ignore[misc] # tqdm has no types
    monitor_interval = 0  # no monitor thread: the training loop updates the bar often enough


@attrs.define(kw_only=True, eq=False)
class Progress:
    """Shows the epoch, the mean losses of the members, how many members still train, and the remaining time.

    The bar advances within an epoch as steps are enqueued, and disappears when its chunk is trained; a search has one
    bar for all of its models. The remaining time is for all epochs: early stopping shortens it. If stderr is not a
    terminal, nothing is written.

    Attributes:
        interval: minimum seconds between two updates.
    """

    interval: float = attrs.field(default=0.1, validator=ge(0.0))

    _bar: _Bar | None = attrs.field(init=False, default=None)
    _folds: int = attrs.field(init=False, default=0)
    _search_members: int = attrs.field(init=False, default=0)
    _offset: int = attrs.field(init=False, default=0)
    _name: str = attrs.field(init=False, default="")
    _units_per_epoch: float = attrs.field(init=False, default=1)
    _epochs: int = attrs.field(init=False, default=1)

    @hookimpl
    def fold_start(self, context: FoldStart) -> None:
        """Count the folds, for the name of a chunk."""
        self._folds = max(self._folds, context.index + 1)

    @hookimpl
    def search_start(self, context: SearchStart) -> None:
        """Note the number of models in a search, for its bar."""
        self._search_members = context.members

    @hookimpl
    def fit_start(self, context: FitStart) -> None:
        """Draw a new bar, or continue that of a search."""
        first = min(context.members)
        in_search = first < self._search_members
        if not in_search:
            self._close()
        if sys.stderr is None or not sys.stderr.isatty():
            return
        self._name = _name(context.members, self._folds, self._search_members)
        self._epochs = context.max_epochs
        self._offset = _UNITS_PER_MODEL * first if in_search else 0
        # All models of a search take an equal part of its bar, whatever their numbers of epochs and steps.
        length = (
            _UNITS_PER_MODEL * len(context.members) if in_search else self._epochs * max(1, context.steps_per_epoch)
        )
        self._units_per_epoch = length / self._epochs
        if self._bar is None:
            self._draw(_UNITS_PER_MODEL * self._search_members if in_search else length)
        self._advance(1, 0)

    def _draw(self, total: int) -> None:
        self._bar = _Bar(
            total=total,
            desc=self._description(1),
            bar_format=_FORMAT,
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
            mininterval=self.interval,
            miniters=0,
        )

    @hookimpl
    def epoch_start(self, context: EpochStart) -> None:
        """Show the number of the epoch."""
        self._advance(context.epoch, 0)

    @hookimpl
    def batch_end(self, context: BatchEnd) -> None:
        """Advance the bar within the epoch."""
        self._advance(context.epoch, context.step / max(1, context.steps))

    @hookimpl
    def epoch_end(self, context: EpochEnd) -> None:
        """Show the epoch's losses, which may arrive while the next epoch is running."""
        if self._bar is not None:
            self._bar.set_postfix_str(_losses(context), refresh=False)
            self._advance(context.epoch, 1)

    @hookimpl
    def member_failed(self, context: MemberFailed) -> None:  # noqa: ARG002 - the command line prints the failure
        """Clear the bar before the failure is printed; the next update redraws it."""
        self._clear()

    @hookimpl
    def out_of_memory(self, context: OutOfMemory) -> None:  # noqa: ARG002 - the command line prints what happened
        """Clear the bar before the message is printed."""
        self._clear()

    @hookimpl
    def trial_end(self, context: TrialEnd) -> None:
        """Clear the bar before a failed trial is printed."""
        if context.trial.failure:
            self._clear()

    @hookimpl
    def fit_end(self, context: FitEnd) -> None:
        """Remove the bar, unless a search continues."""
        if max(context.members) + 1 < self._search_members:
            self._advance(self._epochs, 1)
        else:
            self._close()

    @hookimpl
    def run_end(self, context: RunEnd) -> None:  # noqa: ARG002 - the same for every run
        """Remove the bar and reset the counts."""
        self._reset()

    @hookimpl
    def run_error(self, context: RunError) -> None:  # noqa: ARG002 - the same for every error
        """Remove the bar before the error is printed."""
        self._reset()

    def _advance(self, epoch: int, fraction: float) -> None:
        """Advance the bar to a fraction of an epoch; never move it back."""
        if self._bar is None:
            return
        position = self._offset + round((epoch - 1 + fraction) * self._units_per_epoch)
        if position >= self._bar.n:
            self._bar.set_description_str(self._description(epoch), refresh=False)
        self._bar.update(max(0, position - self._bar.n))

    def _description(self, epoch: int) -> str:
        return f"{self._name}epoch {epoch}/{self._epochs}"

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _reset(self) -> None:
        self._close()
        self._folds = self._search_members = 0


def _name(members: tuple[int, ...], folds: int, search_members: int) -> str:
    """Return the range of models in a search, the range of folds, the number of models, or nothing for one model."""
    if search_members:
        last = max(members) + 1
        return f"models {min(members) + 1}-{last} of {search_members}, " if last <= search_members else "the best, "
    if not folds:
        return f"{len(members)} models, " if len(members) > 1 else ""
    first, last = min(members) + 1, max(members) + 1
    return f"folds {first}-{last} of {folds}, " if first < last else f"fold {first} of {folds}, "


def _losses(context: EpochEnd) -> str:
    shown = {"loss": context.train_loss, "stopping loss": context.stop_loss}
    # The line has space for one metric, the run's first.
    shown |= dict(list(context.metrics.items())[:1])
    means = [
        f"{name} {valid.mean():.4f}" for name, values in shown.items() if (valid := values[~np.isnan(values)]).size
    ]
    if len(context.members) > 1:
        means.append(f"{int(context.active.sum())} of {len(context.members)} training")
    return ", ".join(means)
