"""From its first to its last event a run has its folder alone, a log ahead of its checkpoints, and open components."""

import json
import time
from collections import Counter

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.app import cross_validate, open_run, plan_of, resume, search, train
from gmcore.app.commands.replay import replay
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import Cancelled, InputError
from gmcore.ports import TrainingWorkflow
from gmcore.testing import recorded
from gmcore.training import GradientDescent

COMMANDS = {
    "train": (gmcore.train, {}),
    "validate": (gmcore.cross_validate, {}),
    "search": (gmcore.search, {"search": {"space": {"training.batch_size": [20, 40]}}}),
}
BACKEND = {"use": "metal", "device": "cpu"}
POINTS = np.random.default_rng(0).normal(size=(40, 2))


@pytest.fixture(params=COMMANDS)
def command(request):
    """Return a call of each command."""
    call, settings = COMMANDS[request.param]
    return lambda source, **more: call(source, **{"backend": BACKEND, **settings, **more})


def test_no_other_call_can_use_the_folder_of_a_run_or_of_a_resumed_run(command, run_file, tmp_path):
    cancellation, refusals = Cancellation(), []

    def fit_start(context):
        (folder,) = (tmp_path / "runs").iterdir()
        with pytest.raises(InputError, match="is in use by another process"):
            resume(folder)
        refusals.append(folder)
        cancellation.cancel()

    with pytest.raises(Cancelled):
        command(run_file, runs=tmp_path / "runs", hooks=[fit_start], cancellation=cancellation)
    (folder,) = (tmp_path / "runs").iterdir()
    with pytest.raises(Cancelled):
        resume(folder, hooks=Hooks(fit_start=(fit_start,)), cancellation=cancellation)
    assert refusals == [folder, folder]
    resume(folder)


def test_a_replay_has_listeners_and_can_be_stopped(run_file, tmp_path):
    done = gmcore.train(run_file, runs=tmp_path / "runs", backend=BACKEND, training={"max_epochs": 1})
    cancellation, heard = Cancellation(), []

    def fit_start(context):
        heard.append(context)
        cancellation.cancel()

    with pytest.raises(Cancelled):
        replay(done.folder, hooks=Hooks(fit_start=(fit_start,)), cancellation=cancellation)
    assert len(heard) == 1


def test_after_any_power_cut_the_log_has_the_epochs_of_every_checkpoint(run_file, tmp_path):
    (tmp_path / "runs").mkdir()
    training = {"max_epochs": 2, "checkpoint": {"seconds": 1e9, "every_epochs": 1}}
    with recorded(tmp_path / "runs") as recording:
        gmcore.train(run_file, runs=tmp_path / "runs", training=training, backend=BACKEND)
    checkpoints = 0
    for crash in recording.crashes():
        log = next((content for name, content in crash.files.items() if name.endswith("metrics.jsonl")), b"")
        logged = [json.loads(line)["epoch"] for line in log.splitlines() if line.endswith(b"}")]
        for name in crash.files:
            if "/chunk-" in name and name.endswith(".safetensors"):
                epoch = int(name.split("-")[-2])
                assert logged[:epoch] == [*range(1, epoch + 1)], crash
                checkpoints += 1
    assert checkpoints, "no cut left a checkpoint, so nothing was tested"


EVENTS = {
    "train": {"epoch_end": 2, "fit_start": 1, "fit_end": 1},
    "validate": {"epoch_end": 2, "fold_start": 3, "fold_end": 3},
    "search": {"search_start": 1, "trial_end": 2, "fit_start": 3},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_listeners_hear_of_the_whole_run_and_of_each_file_that_is_durable(name, run_file, tmp_path):
    call, settings = COMMANDS[name]
    heard = []
    listen = lambda event: lambda context: heard.append((event, context))
    hooks = Hooks(**{field.name: (listen(field.name),) for field in attrs.fields(Hooks)})
    training = {"max_epochs": 2, "checkpoint": {"seconds": 1e9, "every_epochs": 1, "every_steps": 2}}
    done = call(run_file, runs=tmp_path / "runs", hooks=hooks, training=training, backend=BACKEND, **settings)
    (first, start), *_, (last, end) = heard
    assert (first, start.command, start.folder) == ("run_start", name, done.folder)
    assert (last, end.command, end.folder) == ("run_end", name, done.folder)
    assert (start.config["data"]["target"], start.config["training"]["max_epochs"]) == ("moon", 2)
    counts = Counter(event for event, _ in heard)
    assert {event: counts[event] for event in EVENTS[name]} == EVENTS[name]
    saved = {context.path for event, context in heard if event == "checkpoint_saved"}
    assert {path.name == "model.safetensors" for path in saved} == ({False} if name == "validate" else {True, False})
    assert all(path.is_relative_to(done.folder) for path in saved)
    epochs_and_steps = {tuple(map(int, path.stem.split("-")[-2:])) for path in saved if "chunk-" in path.name}
    assert {epoch for epoch, _ in epochs_and_steps} == {0, 1, 2}
    assert {step % 2 for _, step in epochs_and_steps} == {0}


PARTS = {
    "train": lambda done: [done.result, done.train],
    "validate": lambda done: [part for fold in done.result.folds for part in (fold.training, fold.validation)],
    "search": lambda done: [done.winner, done.winner.result],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_seconds_of_a_run_and_of_its_parts_pass_during_the_call(name, tmp_path):
    call, settings = COMMANDS[name]
    begun = time.perf_counter()
    done = call(POINTS, POINTS[:, 0] > 0, runs=tmp_path, training={"max_epochs": 2}, backend=BACKEND, **settings)
    passed = time.perf_counter() - begun
    assert all(0 < part.seconds <= done.seconds for part in PARTS[name](done))
    assert all(0 <= phase <= done.seconds for key, phase in done.profile.items() if key.endswith("_seconds"))
    assert done.seconds <= passed


@pytest.mark.parametrize("name", COMMANDS)
def test_messages_are_said_to_the_caller(name, tmp_path):
    tables = {"data": ArrayData(POINTS + 1e9, POINTS[:, 0] > 0), "training": {"max_epochs": 1}, "backend": BACKEND}
    run, said = open_run({**tables, **COMMANDS[name][1]}), []
    calls = {
        "train": train,
        "validate": cross_validate,
        "search": lambda run, **more: search(run, plan_of(run), **more),
    }
    calls[name](run, runs=tmp_path, say=said.append)
    assert [text.partition(" varies by ")[0] for text in said] == ["column 'x0'", "column 'x1'"]


@attrs.define(eq=False)
class InUse(TrainingWorkflow):
    """Gradient descent that counts its uses since it was closed."""

    inner: TrainingWorkflow = attrs.field(init=False, factory=GradientDescent)

    def train(self, task, members):
        USED.append(self)
        return self.inner.train(task, members)

    def validate(self, task, variables, rows):
        USED.append(self)
        return self.inner.validate(task, variables, rows)

    @property
    def metrics(self):
        assert self in USED, "measurements were read after closing"
        return self.inner.metrics

    def close(self):
        USED[:] = [one for one in USED if one is not self]


USED = []


@pytest.fixture
def in_use():
    gmcore.float32.workflows.register("in_use", InUse)
    USED.clear()
    yield {"workflow": "in_use", "max_epochs": 2}
    gmcore.float32.workflows.unregister("in_use")


def closable(closed):
    class Closable(ArrayData):
        def close(self):
            closed.append(self)
            super().close()

    return Closable(POINTS, POINTS[:, 0] > 0)


def test_data_and_workflows_are_closed_at_the_end_of_a_run(command, in_use):
    closed = []
    data = closable(closed)
    command(data, training=in_use)
    assert closed == [data]
    assert USED == []


def test_data_and_workflows_are_closed_if_a_run_is_stopped(command, in_use):
    closed, cancellation = [], Cancellation()
    data = closable(closed)
    with pytest.raises(Cancelled):
        command(data, training=in_use, cancellation=cancellation, hooks=[stop_at_once(cancellation)])
    assert closed == [data]
    assert USED == []


def stop_at_once(cancellation):
    def fit_start(context):
        cancellation.cancel()

    return fit_start
