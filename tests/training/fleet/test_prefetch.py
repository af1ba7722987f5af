"""Prefetched items: all of them, in order, with what making one raises in its place."""

import threading

import attrs
import numpy as np
import pytest

from gmcore.domain import Cancellation, Hooks, Member
from gmcore.errors import Cancelled
from gmcore.ports import Schedule
from gmcore.training import GradientDescent
from gmcore.training.fleet.prefetch import prefetch


def made_until(count, error=None):
    yield from range(count)
    if error is not None:
        raise error


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "gmcore-prefetch"]


@pytest.mark.parametrize("depth", [1, 2, 9])
def test_all_items_come_in_order(depth):
    assert list(prefetch(made_until(5), depth)) == list(range(5))
    assert threads() == []


@pytest.mark.parametrize("error", [ValueError("no more"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_what_making_an_item_raises_is_raised_in_its_place(error):
    items, found = prefetch(made_until(3, error), 2), []
    with pytest.raises(type(error)) as caught:
        found.extend(items)
    assert caught.value is error
    assert found == [0, 1, 2]
    assert threads() == []


def test_items_are_made_ahead_by_the_depth_and_no_further():
    asked, ahead = [], threading.Semaphore(0)

    def items():
        for place in range(100):
            asked.append(place)
            ahead.release()
            yield place

    prefetched = prefetch(items(), 2)
    assert next(prefetched) == 0
    # The one that is in use, two in the queue, and one that waits for its place there.
    assert all(ahead.acquire(timeout=10) for _ in range(4))
    prefetched.close()
    assert asked == [0, 1, 2, 3]


def test_closing_ends_the_thread_and_the_items():
    ended = threading.Event()

    def endless():
        try:
            while True:
                yield 1
        finally:
            ended.set()

    items = endless()
    prefetched = prefetch(items, 2)
    assert next(prefetched) == 1
    prefetched.close()
    assert threads() == []
    items.close()  # the thread has left it
    assert ended.is_set()


@attrs.frozen(kw_only=True)
class Broken(Schedule):
    """A schedule that has no factor from one step on."""

    step: int

    def factor(self, step, total_steps, steps_per_epoch):
        if (step >= self.step).any():
            raise ZeroDivisionError(f"no factor at step {self.step}")
        return np.ones(np.broadcast_shapes(step.shape, total_steps.shape))


def test_an_error_in_the_plan_of_a_later_epoch_ends_training(task):
    member = Member(train=np.arange(100))
    # 7 steps per epoch: the plan of the third can't be made.
    broken = attrs.evolve(task, schedule=Broken(step=14))
    with pytest.raises(ZeroDivisionError, match="no factor at step 14"):
        GradientDescent().train(broken, [member])
    enough = attrs.evolve(broken, config=attrs.evolve(task.config, max_epochs=2))
    assert GradientDescent().train(enough, [member])[0].epochs == 2


def test_an_error_in_reading_stop_rows_ends_training(configured):
    task = configured(row_memory=100)
    member = Member(train=np.arange(100), stop=np.arange(100, 150))
    targets = task.rows.targets.view(Unreadable)
    with pytest.raises(OSError, match="row 120 can't be read"):
        GradientDescent().train(attrs.evolve(task, rows=attrs.evolve(task.rows, targets=targets)), [member])


def test_a_training_that_is_stopped_leaves_no_thread(task):
    cancellation = Cancellation()
    stopping = Hooks(batch_end=(lambda _: cancellation.cancel(),))
    with pytest.raises(Cancelled) as caught:
        GradientDescent().train(
            attrs.evolve(task, hooks=stopping, cancellation=cancellation), [Member(train=np.arange(100))]
        )
    assert threads() == []
    assert caught.value.__traceback__ is not None  # which would keep a forgotten generator alive


class Unreadable(np.ndarray):
    """Targets of which one row can't be read."""

    def __getitem__(self, where):
        if np.ndim(where) > 1 and (np.asarray(where) == 120).any():
            raise OSError("row 120 can't be read")
        return np.asarray(self)[where]
