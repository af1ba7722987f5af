"""Contract suite for hook plugins."""

# ruff: noqa: S101 - the asserts are the checks

import contextlib
import itertools
import logging
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import numpy as np

from gmcore.domain import (
    BatchEnd,
    CheckpointSaved,
    CVResult,
    EpochEnd,
    EpochStart,
    Failure,
    FitEnd,
    FitStart,
    FoldEnd,
    FoldResult,
    FoldStart,
    Hooks,
    Member,
    MemberFailed,
    OutOfMemory,
    RunEnd,
    RunError,
    RunStart,
    SearchStart,
    TrainingResult,
    TrialEnd,
    TrialResult,
    ValidationResult,
    WorkflowConfig,
)
from gmcore.domain.events import Context
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.optimizers import AdamW
from gmcore.nn.schedules import Constant
from gmcore.ports import Backend, TrainingTask
from gmcore.registry import compile_hooks, hookimpl, plugin_registry
from gmcore.testing.abilities import usable_backends
from gmcore.testing.fakes import TinyModel, two_moons
from gmcore.training import GradientDescent

__all__ = ["HookContract"]


class HookContract(ABC):
    """Checks for a hook plugin: subclass it as `TestYours` in a test module, and pytest runs them.

    The hook gets the contexts of a training, a cross-validation, a search and a failed run, one after another; then it
    observes a training on the first backend that is installed; there must be one.
    """

    @abstractmethod
    def hook(self) -> object:
        """Return a new hook plugin, configured equally every time."""

    def backend(self) -> Backend:
        """Return a float32 backend on the CPU; one must be installed."""
        return next(usable_backends("float32"))

    def test_gmcore_accepts_it(self) -> None:
        """Every hook is marked with `hookimpl`, named as in `HookSpecs`, and takes `context` or nothing."""
        assert _events(_compiled(self.hook()))

    def test_it_handles_every_event_that_it_listens_to(self) -> None:
        """In the order of a run, for several runs one after another."""
        hooks = _compiled(self.hook())
        with _runs() as runs:
            for context in itertools.chain(*runs):
                try:
                    hooks.emit(context)
                except Exception as error:
                    raise AssertionError(f"{_event(context)}: {error!r} for {context}") from error

    def test_contexts_are_unchanged(self) -> None:
        """Contexts and their arrays are shared by all hooks, and belong to the run."""
        hooks = _compiled(self.hook())
        with _runs() as runs:
            for context in itertools.chain(*runs):
                before = _snapshot(context)
                hooks.emit(context)
                assert _snapshot(context) == before, _event(context)

    def test_training_gives_the_same_bits_with_and_without_it(self) -> None:
        """A hook only observes: histories and weights are the same."""
        backend = self.backend()
        expected, found = _trained(backend, Hooks()), _trained(backend, _compiled(self.hook()))
        assert found == expected

    def test_its_own_errors_end_the_run(self) -> None:
        """It fails on a context that can't be read, and must not suppress that error."""
        with _runs() as runs:
            for event, earlier, _ in _first_of_each(runs, _events(_compiled(self.hook()))):
                hooks, unreadable = _compiled(self.hook()), _Unreadable()
                for context in earlier:
                    hooks.emit(context)
                assert _raises(hooks, event, unreadable) or not unreadable.reads, f"{event}: an error was suppressed"

    def test_errors_of_other_hooks_end_the_run(self) -> None:
        """A hook wrapper must raise the errors of the hooks that it wraps."""
        with _runs() as runs:
            for event, earlier, context in _first_of_each(runs, _events(_compiled(self.hook()))):
                hook = self.hook()
                for one in earlier:
                    _compiled(hook).emit(one)
                for plugins in ([hook, _failing(event)], [_failing(event), hook]):
                    assert _raises(_compiled(*plugins), event, context), f"{event}: another hook's error was suppressed"

    def test_instances_share_no_state_that_changes(self) -> None:
        """One instance is unchanged while another one observes runs; class attributes count as shared."""
        first, second = self.hook(), self.hook()
        before, hooks = _state(second), _compiled(first)
        with _runs() as runs:
            for context in itertools.chain(*runs):
                hooks.emit(context)
            assert _state(second) == before


def _compiled(*plugins: object) -> Hooks:
    return compile_hooks(plugins, plugin_registry("float32").hooks)


def _events(hooks: Hooks) -> set[str]:
    """Return the names of the events that have listeners."""
    return {field.name for field in attrs.fields(Hooks) if getattr(hooks, field.name)}


def _event(context: Context) -> str:
    """Return the event of a context: `"epoch_end"` for an `EpochEnd`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(context).__name__).lower()


def _first_of_each(runs: list[list[Context]], events: set[str]) -> Iterator[tuple[str, list[Context], Context]]:
    """Yield each event with the earlier contexts of its run and its own context, at its first occurrence."""
    for event in sorted(events):
        run = next(run for run in runs if event in map(_event, run))
        place = [_event(context) for context in run].index(event)
        yield event, run[:place], run[place]


def _raises(hooks: Hooks, event: str, context: object) -> bool:
    """Return whether a listener of the event raises for the context."""
    try:
        for listener in getattr(hooks, event):
            listener(context)
    except Exception:  # noqa: BLE001 - any error will do
        return True
    return False


class _Unreadable:
    """A context that raises `RuntimeError` when an attribute is read, and counts these reads."""

    reads = 0

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        self.reads += 1
        raise RuntimeError(f"{name} can't be read")


def _failing(event: str) -> object:
    """Return a hook plugin that raises at an event."""

    def fail(self: object, context: object) -> None:
        raise RuntimeError(f"{self} fails for {context}")

    plugin: object = type("Failing", (), {event: hookimpl(fail)})()
    return plugin


def _trained(backend: Backend, hooks: Hooks) -> list[object]:
    """Return histories and weights of two members, one of them with stop rows."""
    rows = two_moons(60)
    task = TrainingTask(
        model=TinyModel(schema=rows.schema),
        rows=rows,
        backend=backend,
        optimizer=AdamW(learning_rate=0.03),
        schedule=Constant(),
        gradients=Backpropagation(),
        config=WorkflowConfig(max_epochs=3, batch_size=16),
        hooks=hooks,
    )
    members = [Member(train=np.arange(40), stop=np.arange(40, 60)), Member(index=1, train=np.arange(30))]
    return [_snapshot((one.history, one.variables)) for one in GradientDescent().train(task, members)]


def _state(plugin: object) -> object:
    """Return a copy of the attributes of a plugin and of its classes."""
    attributes = [item for cls in type(plugin).__mro__[:-1] for item in vars(cls).items()]
    return _snapshot(plugin), [_snapshot(item) for item in attributes if not item[0].startswith("__")]


def _snapshot(value: object, path: tuple[int, ...] = ()) -> object:
    """Return a comparable copy of a value, without cycles."""
    if id(value) in path:
        return None
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float | BaseException):
        return repr(value)
    path = (*path, id(value))
    if isinstance(value, Mapping):
        return [(_snapshot(key, path), _snapshot(child, path)) for key, child in value.items()]
    if isinstance(value, list | tuple | deque | set | frozenset):
        return [_snapshot(child, path) for child in value]
    return _object_state(value, path)


def _object_state(value: object, path: tuple[int, ...]) -> object:
    """Return type and attributes of an object; the object itself if it has none, such as a function or a file."""
    if not isinstance(value, str | int | os.PathLike | type | logging.Logger):
        with contextlib.suppress(TypeError):
            if (state := value.__getstate__()) is not None:
                return type(value), _snapshot(state, path)
    return value


@contextlib.contextmanager
def _runs() -> Iterator[list[list[Context]]]:
    """Yield the contexts of a training, a cross-validation, a search and a failed run, with folders that exist."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "checkpoint.safetensors").touch()
        results = tuple(_result(member) for member in range(2))
        scores = ValidationResult(
            loss=0.4, metrics={"accuracy": 0.8}, n_samples=5, predictions=np.full((5, 2), 0.5), seconds=0.1
        )
        folds = tuple(FoldResult(index=one.member, training=one, validation=scores) for one in results)
        losses = {"loss": np.array([0.4, np.nan])}
        trial = TrialResult(index=0, settings={"seed": 1}, scores=losses, epochs=np.array([2, 2]), metric="loss")
        trials = [TrialEnd(trial=trial), TrialEnd(trial=attrs.evolve(trial, index=1, failure="the loss was nan"))]
        start = RunStart(command="train", folder=folder, config={"seed": 0, "model": {"use": "tiny"}})
        fold_starts = [FoldStart(index=index, n_train=15, n_validation=5) for index in range(2)]
        fold_ends = [FoldEnd(index=index, validation=scores) for index in range(2)]
        trained = RunEnd(command="train", folder=folder, result=results[0])
        validated = RunEnd(command="validate", folder=folder, result=CVResult(folds=folds, seconds=1.0))
        failed = RunError(command="train", folder=None, error=RuntimeError("the disk is full"))
        search, winner = SearchStart(trials=2, members=2), attrs.evolve(trained, command="search")
        yield [
            [start, *_fit(folder, results[:1]), trained],
            [attrs.evolve(start, command="validate"), *fold_starts, *_fit(folder, results), *fold_ends, validated],
            [attrs.evolve(start, command="search"), search, *_fit(folder, results), *trials, winner],
            [attrs.evolve(start, folder=None), *_fit(folder, results)[:3], failed],
        ]


def _fit(folder: Path, results: tuple[TrainingResult, ...]) -> list[Context]:
    """Return the contexts of training a chunk for two epochs, whose last member fails, and of scoring it in parts."""
    members, count = tuple(one.member for one in results), len(results)
    model = TinyModel(schema=two_moons(10).schema).info
    contexts: list[Context] = [FitStart(members=members, max_epochs=2, steps_per_epoch=3, model=model)]
    for epoch in (1, 2):
        end = EpochEnd(
            members=members,
            epoch=epoch,
            train_loss=np.full(count, 0.5 / epoch),
            stop_loss=np.where(np.arange(count) == 0, 0.6, np.nan),
            learning_rate=np.full(count, 1e-3),
            active=np.arange(count) < 1,
            metrics={"accuracy": np.where(np.arange(count) == 0, 0.7, np.nan)},
        )
        start, batch = EpochStart(members=members, epoch=epoch), BatchEnd(members=members, epoch=epoch, step=3, steps=3)
        contexts += [start, batch, end, CheckpointSaved(path=folder / "checkpoint.safetensors", epoch=epoch)]
    if (failure := results[-1].failure) is not None:
        contexts.append(MemberFailed(member=members[-1], place=count - 1, failure=failure))
    return [*contexts, FitEnd(members=members, results=results), OutOfMemory(members=(), tried=count, at_once=1)]


def _result(member: int) -> TrainingResult:
    failure = Failure(
        epoch=2, step=1, loss=np.nan, largest_gradient=np.inf, parameter="w", largest_weight=2.0, learning_rate=1e-3
    )
    return TrainingResult(
        member=member,
        variables=TinyModel(schema=two_moons(10).schema).init(np.random.default_rng(member)),
        epochs=2,
        best_epoch=1,
        final_loss=0.25,
        best_loss=0.6,
        history={"train_loss": np.array([0.5, 0.25]), "stop_loss": np.array([0.6, np.nan])},
        seconds=0.5,
        failure=failure if member else None,
    )
