"""Hook plugin: a bar on stderr for each chunk of a fleet, or for a search, where stderr is a terminal."""

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
    RunEnd,
    RunError,
    SearchStart,
    TrialEnd,
)
from gmcore.registry import hookimpl

__all__ = ["Progress"]

_A_MODEL = 1000  # parts that a bar over models moves by
_FORMAT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class _Bar(tqdm):  # type: ignore[misc] # tqdm has no types
    monitor_interval = 0  # no thread of its own: the loop tells it often enough


@attrs.define(kw_only=True, eq=False)
class Progress:
    """Shows the epoch, the mean losses of the members, how many still train, and the time that is left.

    The bar moves within an epoch as steps are enqueued, and is gone when its chunk is trained; a search has one bar
    over all of its models. The time left is for all epochs: early stopping makes it less. Where stderr is not a
    terminal nothing is written.

    Attributes:
        interval: seconds between two drawings, at least.
    """

    interval: float = attrs.field(default=0.1, validator=ge(0.0))

    _bar: _Bar | None = attrs.field(init=False, default=None)
    _folds: int = attrs.field(init=False, default=0)
    _searched: int = attrs.field(init=False, default=0)
    _begin: int = attrs.field(init=False, default=0)
    _name: str = attrs.field(init=False, default="")
    _steps: float = attrs.field(init=False, default=1)
    _epochs: int = attrs.field(init=False, default=1)

    @hookimpl
    def fold_start(self, context: FoldStart) -> None:
        """Count the folds, so that a chunk of them can be named."""
        self._folds = max(self._folds, context.index + 1)

    @hookimpl
    def search_start(self, context: SearchStart) -> None:
        """Count the models of a search, which its one bar is over."""
        self._searched = context.members

    @hookimpl
    def fit_start(self, context: FitStart) -> None:
        """Draw a new bar, or go on with that of a search."""
        first = min(context.members)
        in_search = first < self._searched
        if not in_search:
            self._close()
        if sys.stderr is None or not sys.stderr.isatty():
            return
        self._name = _name(context.members, self._folds, self._searched)
        self._epochs = context.max_epochs
        self._begin = _A_MODEL * first if in_search else 0
        # Of a search, a model is as long as another, however many epochs and steps it has.
        length = _A_MODEL * len(context.members) if in_search else self._epochs * max(1, context.steps_per_epoch)
        self._steps = length / self._epochs
        if self._bar is None:
            self._draw(_A_MODEL * self._searched if in_search else length)
        self._move(1, 0)

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
        """Say which epoch it is."""
        self._move(context.epoch, 0)

    @hookimpl
    def batch_end(self, context: BatchEnd) -> None:
        """Move within the epoch."""
        self._move(context.epoch, context.step / max(1, context.steps))

    @hookimpl
    def epoch_end(self, context: EpochEnd) -> None:
        """Show the epoch's losses, which may come when the next epoch is under way."""
        if self._bar is not None:
            self._bar.set_postfix_str(_losses(context), refresh=False)
            self._move(context.epoch, 1)

    @hookimpl
    def member_failed(self, context: MemberFailed) -> None:  # noqa: ARG002 - others tell of it
        """Make room for the line that tells of it; the bar is drawn again when it moves."""
        self._clear()

    @hookimpl
    def trial_end(self, context: TrialEnd) -> None:
        """Make room for a line, if the trial has failed."""
        if context.trial.failure:
            self._clear()

    @hookimpl
    def fit_end(self, context: FitEnd) -> None:
        """Take the bar away, unless a search goes on."""
        if max(context.members) + 1 < self._searched:
            self._move(self._epochs, 1)
        else:
            self._close()

    @hookimpl
    def run_end(self, context: RunEnd) -> None:  # noqa: ARG002 - whatever it was
        """Take the bar away, and forget the folds."""
        self._end()

    @hookimpl
    def run_error(self, context: RunError) -> None:  # noqa: ARG002 - whatever it was
        """Take the bar away before the message comes."""
        self._end()

    def _move(self, epoch: int, share: float) -> None:
        if self._bar is None:
            return
        place = self._begin + round((epoch - 1 + share) * self._steps)
        if place >= self._bar.n:
            self._bar.set_description_str(self._description(epoch), refresh=False)
        self._bar.update(max(0, place - self._bar.n))

    def _description(self, epoch: int) -> str:
        return f"{self._name}epoch {epoch}/{self._epochs}"

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _end(self) -> None:
        self._close()
        self._folds = self._searched = 0


def _name(members: tuple[int, ...], folds: int, searched: int) -> str:
    """Return which of a search's models or of the folds are trained, or how many models, unless it is but one."""
    if searched:
        last = max(members) + 1
        return f"models {min(members) + 1}-{last} of {searched}, " if last <= searched else "the best, "
    if not folds:
        return f"{len(members)} models, " if len(members) > 1 else ""
    first, last = min(members) + 1, max(members) + 1
    return f"folds {first}-{last} of {folds}, " if first < last else f"fold {first} of {folds}, "


def _losses(context: EpochEnd) -> str:
    shown = {"loss": context.train_loss, "stopping loss": context.stop_loss}
    # There is room for one metric, the run's first.
    shown |= dict(list(context.metrics.items())[:1])
    means = [f"{name} {values.mean():.4f}" for name, told in shown.items() if (values := told[~np.isnan(told)]).size]
    if len(context.members) > 1:
        means.append(f"{int(context.active.sum())} of {len(context.members)} training")
    return ", ".join(means)
