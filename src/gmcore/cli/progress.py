"""Bars on stderr, where it is a terminal, and lines for what fails along the way."""

import attrs

from gmcore.cli.output import say
from gmcore.domain import Hooks, TrialEnd
from gmcore.registry import PluginRegistry, compile_hooks

__all__ = ["progress"]


def progress(registry: PluginRegistry) -> Hooks:
    """Return the listeners that draw bars, and tell of each trial that fails."""
    bars = compile_hooks(["progress"], registry.hooks)
    return attrs.evolve(bars, trial_end=(*bars.trial_end, _tell_failure))


def _tell_failure(moment: TrialEnd) -> None:
    if moment.trial.failure:
        say(f"trial {moment.trial.index} has failed: {moment.trial.failure}")
