"""Progress output: bars on stderr, if it is a terminal, and a line for each failed trial."""

import sys

import attrs

from gmcore.cli.output import say
from gmcore.domain import Hooks, TrialEnd
from gmcore.registry import PluginRegistry, compile_hooks

__all__ = ["progress"]


def progress(registry: PluginRegistry) -> Hooks:
    """Return the hooks that draw bars and print each failed trial."""
    # Without a terminal there are no bars, and their library need not be imported.
    bars = compile_hooks(["progress"], registry.hooks) if sys.stderr is not None and sys.stderr.isatty() else Hooks()
    return attrs.evolve(bars, trial_end=(*bars.trial_end, _print_failure))


def _print_failure(context: TrialEnd) -> None:
    if context.trial.failure:
        say(f"trial {context.trial.index} failed: {context.trial.failure}")
