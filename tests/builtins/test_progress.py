"""Progress bars on stderr advance with training and disappear at its end."""

import contextlib
import io
import re

import numpy as np
import pytest

from gmcore.builtins.progress import Progress
from gmcore.domain import (
    BatchEnd,
    EpochEnd,
    EpochStart,
    Failure,
    FitEnd,
    FitStart,
    FoldStart,
    MemberFailed,
    ModelInfo,
    OutOfMemory,
    RunError,
    SearchStart,
)
from gmcore.registry import PluginRegistry, compile_hooks

MODEL = ModelInfo(name="Tiny", layers=(), input_shapes={"numeric": (2,)}, output_shape=(1,))


class Screen(io.StringIO):
    """A terminal with its current line."""

    def isatty(self):
        return True

    @property
    def line(self):
        return self.getvalue().rsplit("\r", maxsplit=1)[-1].rstrip()


def told(hooks, name, context):
    for call in getattr(hooks, name):
        call(context)


def drawing(progress):
    return compile_hooks([progress], PluginRegistry("float32").hooks)


@pytest.fixture
def hooks():
    yield (hooks := drawing(Progress(interval=0.0)))
    told(hooks, "fit_end", FitEnd(members=(0,), results=()))


def begin(hooks, stderr, members=(0,), epochs=4, steps=10):
    with contextlib.redirect_stderr(stderr):
        told(hooks, "fit_start", FitStart(members=members, max_epochs=epochs, steps_per_epoch=steps, model=MODEL))


def end_epoch(hooks, epoch, train=(0.5,), stop=(np.nan,), active=(True,), metrics=None):
    members = tuple(range(len(train)))
    losses = {"train_loss": np.array(train), "stop_loss": np.array(stop), "learning_rate": np.zeros(len(train))}
    told(
        hooks,
        "epoch_end",
        EpochEnd(members=members, epoch=epoch, active=np.array(active), metrics=metrics or {}, **losses),
    )


def end_batch(hooks, epoch, step, steps=10):
    told(hooks, "batch_end", BatchEnd(members=(0,), epoch=epoch, step=step, steps=steps))


@pytest.fixture
def screen():
    return Screen()


def percent(screen):
    return int(re.findall(r"(\d+)%", screen.line)[0])


def test_the_bar_moves_within_an_epoch_and_never_back(hooks, screen):
    begin(hooks, screen)
    shown = [percent(screen)]
    for epoch in (1, 2):
        told(hooks, "epoch_start", EpochStart(members=(0,), epoch=epoch))
        for step in (5, 10):
            end_batch(hooks, epoch, step)
            shown.append(percent(screen))
    end_epoch(hooks, 1)
    shown.append(percent(screen))
    assert shown == [0, 12, 25, 38, 50, 50]
    assert screen.line.startswith("epoch 2/4  50%|")


def test_segments_of_another_number_of_steps_fill_the_epoch(hooks, screen):
    begin(hooks, screen, epochs=2, steps=7)
    end_batch(hooks, 1, 3, steps=3)
    assert percent(screen) == 50


def test_the_time_that_is_left_is_shown(hooks, screen):
    begin(hooks, screen)
    end_batch(hooks, 1, 5)
    assert re.search(r"\| 00:00<00:0\d", screen.line)


def test_one_model_shows_its_losses_alone(hooks, screen):
    begin(hooks, screen)
    end_epoch(hooks, 1, train=[0.25])
    assert screen.line.endswith(", loss 0.2500")
    end_epoch(hooks, 2, train=[0.125], stop=[0.5])
    assert screen.line.endswith(", loss 0.1250, stopping loss 0.5000")


def test_the_first_metric_is_shown_beside_the_losses(hooks, screen):
    begin(hooks, screen)
    end_epoch(hooks, 1, stop=[0.5], metrics={"accuracy": np.array([0.75]), "f1": np.array([0.5])})
    assert screen.line.endswith(", loss 0.5000, stopping loss 0.5000, accuracy 0.7500")


def test_a_fleet_shows_means_over_those_that_trained_and_how_many_go_on(hooks, screen):
    begin(hooks, screen, members=(0, 1, 2))
    end_epoch(hooks, 1, train=[0.25, 0.75, np.nan], stop=[1.0, 2.0, np.nan], active=[True, False, False])
    assert screen.line.startswith("3 models, epoch 1/4")
    assert screen.line.endswith(", loss 0.5000, stopping loss 1.5000, 1 of 3 training")


def test_a_failure_finds_an_empty_line(hooks, screen):
    begin(hooks, screen, members=(0, 1))
    failure = Failure(
        epoch=1, step=1, loss=np.nan, largest_gradient=1.0, parameter="w", largest_weight=1.0, learning_rate=1.0
    )
    told(hooks, "member_failed", MemberFailed(member=1, place=1, failure=failure))
    assert screen.line == ""
    end_epoch(hooks, 1)
    assert screen.line.startswith("2 models")


def test_a_lack_of_memory_finds_an_empty_line_and_smaller_chunks_have_bars_of_their_own(hooks, screen):
    begin(hooks, screen, members=(0, 1))
    told(hooks, "out_of_memory", OutOfMemory(members=(0, 1), tried=2, at_once=1))
    assert screen.line == ""
    begin(hooks, screen, members=(0,))
    assert screen.line.startswith("epoch 1/4")


@pytest.mark.parametrize(("members", "name"), [((5, 6, 7), "folds 6-8 of 10, "), ((9,), "fold 10 of 10, ")])
def test_a_chunk_of_a_cross_validation_is_named_by_its_folds(hooks, screen, members, name):
    for index in range(10):
        told(hooks, "fold_start", FoldStart(index=index, n_train=9, n_validation=1))
    begin(hooks, screen, members=members)
    assert screen.line.startswith(f"{name}epoch 1/4")


def test_a_search_has_one_bar_over_all_of_its_models_and_another_for_the_best(hooks, screen):
    told(hooks, "search_start", SearchStart(trials=4, members=12))
    shown = []
    for members, epochs in [(range(3), 2), (range(3, 12), 7)]:
        begin(hooks, screen, members=tuple(members), epochs=epochs)
        shown.append(percent(screen))
        told(hooks, "epoch_start", EpochStart(members=tuple(members), epoch=2))
        shown.append(percent(screen))
        if epochs == 7:
            assert screen.line.startswith("models 4-12 of 12, epoch 2/7")
        told(hooks, "fit_end", FitEnd(members=tuple(members), results=()))
    assert shown == [0, 12, 25, 36]
    assert screen.line == ""
    begin(hooks, screen, members=(12,))
    assert screen.line.startswith("the best, epoch 1/4   0%")
    told(hooks, "fit_end", FitEnd(members=(12,), results=()))
    assert screen.line == ""


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("fit_end", FitEnd(members=(0,), results=())),
        ("run_error", RunError(command="train", folder=None, error=KeyboardInterrupt())),
    ],
)
def test_the_bar_is_gone_when_its_chunk_or_the_run_ends(hooks, screen, name, context):
    begin(hooks, screen)
    end_epoch(hooks, 1)
    told(hooks, name, context)
    assert screen.line == ""
    assert "\n" not in screen.getvalue()
    before = screen.getvalue()
    end_epoch(hooks, 2)
    assert screen.getvalue() == before


@pytest.mark.parametrize("stderr", [io.StringIO(), None])
def test_nothing_is_written_where_stderr_is_no_terminal(hooks, stderr):
    begin(hooks, stderr)
    end_batch(hooks, 1, 5)
    end_epoch(hooks, 1)
    told(hooks, "fit_end", FitEnd(members=(0,), results=()))
    assert stderr is None or stderr.getvalue() == ""


def test_it_draws_no_more_often_than_asked():
    hooks, screen = drawing(Progress(interval=3600.0)), Screen()
    begin(hooks, screen)
    drawn = screen.getvalue()
    end_batch(hooks, 1, 5)
    assert screen.getvalue() == drawn
    told(hooks, "fit_end", FitEnd(members=(0,), results=()))


def test_it_is_found_by_its_name():
    hooks = drawing("progress")
    assert hooks.fit_start
    assert hooks.batch_end
