"""The contract passes for good hooks and fails for hooks that each break one rule."""

import contextlib
from typing import ClassVar

import attrs
import numpy as np
import pytest

from gmcore.domain import Hooks
from gmcore.errors import PluginLoadError
from gmcore.registry import hookimpl
from gmcore.testing import hook as contract
from gmcore.testing.hook import HookContract


class Diary:
    """Writes a line for each epoch and the last loss at the end."""

    def __init__(self):
        self.lines = []
        self.last = None

    @hookimpl
    def fit_start(self, context):
        self.lines.append(f"{len(context.members)} members, {context.model.name}")

    @hookimpl
    def epoch_end(self, context):
        self.last = context.train_loss.copy()
        self.lines.append(f"epoch {context.epoch}: {context.train_loss.mean():.3f}")

    @hookimpl
    def run_end(self):
        self.lines.append(str(self.last))


class Timer:
    """Wraps the other hooks of an event."""

    @hookimpl(wrapper=True)
    def epoch_end(self, context):
        assert context.epoch > 0
        return (yield)


class TestDiary(HookContract):
    def hook(self):
        return Diary()


class TestTimer(HookContract):
    def hook(self):
        return Timer()


class Unmarked:
    def epoch_end(self, context):
        pass


class Crashing:
    @hookimpl
    def member_failed(self, context):
        return context.failure.no_such_field


class Scaling:
    @hookimpl
    def epoch_end(self, context):
        context.train_loss[:] = 0


class Renaming:
    @hookimpl
    def run_start(self, context):
        context.config["seed"] = 1


class ChangingWeights:
    @hookimpl
    def fit_end(self, context):
        for result in context.results:
            result.variables.params["hidden"]["weight"][:] = 0


class Suppressing:
    @hookimpl
    def epoch_end(self, context):
        with contextlib.suppress(Exception):
            context.train_loss.mean()


class Wrapping:
    @hookimpl(wrapper=True)
    def epoch_end(self):
        with contextlib.suppress(RuntimeError):
            return (yield)


class SharedList:
    losses: ClassVar[list] = []

    @hookimpl
    def epoch_end(self, context):
        self.losses.append(context.train_loss)


class SharedCount:
    epochs = 0

    @hookimpl
    def epoch_end(self):
        type(self).epochs += 1


BROKEN = [
    ("gmcore_accepts_it", Unmarked),
    ("handles_every_event", Crashing),
    ("contexts_are_unchanged", Scaling),
    ("contexts_are_unchanged", Renaming),
    ("contexts_are_unchanged", ChangingWeights),
    ("same_bits", ChangingWeights),
    ("its_own_errors", Suppressing),
    ("errors_of_other_hooks", Wrapping),
    ("share_no_state", SharedList),
    ("share_no_state", SharedCount),
]


@pytest.mark.parametrize(("rule", "broken"), BROKEN)
def test_a_broken_hook_is_caught(rule, broken):
    class Contract(HookContract):
        def hook(self):
            return broken()

    (check,) = (name for name in dir(Contract) if name.startswith("test_") and rule in name)
    with pytest.raises((AssertionError, PluginLoadError)):
        getattr(Contract(), check)()


def test_every_event_has_a_context():
    with contract._runs() as runs:
        events = {contract._event(context) for run in runs for context in run}
    assert events == {field.name for field in attrs.fields(Hooks)}


def test_a_snapshot_tells_what_changed():
    cyclic = {"numbers": np.zeros(3)}
    cyclic["self"] = cyclic
    before = contract._snapshot(cyclic)
    assert contract._snapshot(cyclic) == before
    cyclic["numbers"][1] = np.nan
    assert contract._snapshot(cyclic) != before
