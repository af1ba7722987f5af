"""Events of a run: each calls the listeners of its own kind, in order."""

from pathlib import Path
from typing import get_args

import attrs
import pytest

from gmcore.domain import CheckpointSaved, EpochStart, Hooks, SearchStart
from gmcore.domain.events import Context
from gmcore.errors import ConfigError

EVENTS = {field.name for field in attrs.fields(Hooks)}


@pytest.fixture
def calls():
    return []


@pytest.fixture
def hooks(calls):
    """Return hooks with two listeners for every event, which note the event, their number and the context."""

    def listeners(name):
        return tuple(lambda context, number=number: calls.append((name, number, context)) for number in (1, 2))

    return Hooks(**{name: listeners(name) for name in EVENTS})


def test_the_listeners_of_the_event_are_called_in_order_with_the_context(hooks, calls):
    context = EpochStart(members=(0, 1), epoch=3)
    hooks.emit(context)
    assert calls == [("epoch_start", 1, context), ("epoch_start", 2, context)]


def test_every_kind_of_context_has_its_own_listeners(hooks, calls):
    for kind in get_args(Context):
        hooks.emit(kind(**dict.fromkeys((field.name for field in attrs.fields(kind)), None)))
    assert [type(context) for _, number, context in calls if number == 1] == list(get_args(Context))
    assert {name for name, _, _ in calls} == EVENTS


def test_an_event_without_listeners_does_nothing():
    Hooks().emit(SearchStart(trials=1, members=2))


def test_what_a_listener_raises_reaches_the_caller_and_the_next_is_not_called(calls):
    def fail(context):
        raise OSError("disk full")

    hooks = Hooks(checkpoint_saved=(fail, calls.append))
    with pytest.raises(OSError, match="disk full"):
        hooks.emit(CheckpointSaved(path=Path("file"), epoch=1))
    assert calls == []


async def asynchronous(context):
    pass


def generating(context):
    yield context


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([print], r"hooks: epoch_end must be a tuple of functions, got \[<built-in function print>\]"),
        (print, r"hooks: epoch_end must be a tuple of functions, got <built-in function print>"),
        (("print",), r"hooks: epoch_end must be a tuple of functions, got \('print',\)"),
        ((asynchronous,), "hooks: epoch_end has an async function, whose body a call does not run"),
        ((print, generating), "hooks: epoch_end has a generator function, whose body a call does not run"),
    ],
    ids=["a list", "a function", "a text", "async", "a generator"],
)
def test_listeners_that_would_not_be_called_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        Hooks(epoch_end=given)


def test_what_is_no_context_is_refused():
    with pytest.raises(KeyError):
        Hooks().emit("epoch_start")
