"""The listeners of a run, by event."""

import inspect
from collections.abc import Callable

import attrs

from gmcore.domain.events import (
    BatchEnd,
    CheckpointSaved,
    Context,
    EpochEnd,
    EpochStart,
    FitEnd,
    FitStart,
    FoldEnd,
    FoldStart,
    MemberFailed,
    OutOfMemory,
    RunEnd,
    RunError,
    RunStart,
    SearchStart,
    TrialEnd,
)
from gmcore.errors import ConfigError

__all__ = ["Hooks", "deferred_kind"]


def deferred_kind(function: object) -> str:
    """Return `"an async function"` or `"a generator function"` for one whose body a call does not run, else nothing."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "an async function"
    return "a generator function" if inspect.isgeneratorfunction(function) else ""


@attrs.frozen(kw_only=True)
class Hooks:
    """The listeners of a run, by event: each is called with the event's context, in order."""

    run_start: tuple[Callable[[RunStart], object], ...] = ()
    run_end: tuple[Callable[[RunEnd], object], ...] = ()
    run_error: tuple[Callable[[RunError], object], ...] = ()
    fit_start: tuple[Callable[[FitStart], object], ...] = ()
    fit_end: tuple[Callable[[FitEnd], object], ...] = ()
    epoch_start: tuple[Callable[[EpochStart], object], ...] = ()
    epoch_end: tuple[Callable[[EpochEnd], object], ...] = ()
    member_failed: tuple[Callable[[MemberFailed], object], ...] = ()
    out_of_memory: tuple[Callable[[OutOfMemory], object], ...] = ()
    batch_end: tuple[Callable[[BatchEnd], object], ...] = ()
    fold_start: tuple[Callable[[FoldStart], object], ...] = ()
    fold_end: tuple[Callable[[FoldEnd], object], ...] = ()
    search_start: tuple[Callable[[SearchStart], object], ...] = ()
    trial_end: tuple[Callable[[TrialEnd], object], ...] = ()
    checkpoint_saved: tuple[Callable[[CheckpointSaved], object], ...] = ()

    def __attrs_post_init__(self) -> None:
        """Check that every value is a tuple of functions that do their work when they are called."""
        for name in _FIELDS.values():
            listeners = getattr(self, name)
            if not isinstance(listeners, tuple) or not all(map(callable, listeners)):
                raise ConfigError([f"hooks: {name} must be a tuple of functions, got {listeners!r:.60}"])
            kind = next(filter(None, map(deferred_kind, listeners)), "")
            if kind:
                raise ConfigError([f"hooks: {name} has {kind}, whose body a call does not run: use a plain function"])

    def emit(self, context: Context) -> None:
        """Call the listeners of this event, in order; what one raises ends the run and is raised here."""
        for listener in getattr(self, _FIELDS[type(context)]):
            listener(context)


_FIELDS: dict[type[Context], str] = {
    RunStart: "run_start",
    RunEnd: "run_end",
    RunError: "run_error",
    FitStart: "fit_start",
    FitEnd: "fit_end",
    EpochStart: "epoch_start",
    EpochEnd: "epoch_end",
    MemberFailed: "member_failed",
    OutOfMemory: "out_of_memory",
    BatchEnd: "batch_end",
    FoldStart: "fold_start",
    FoldEnd: "fold_end",
    SearchStart: "search_start",
    TrialEnd: "trial_end",
    CheckpointSaved: "checkpoint_saved",
}
