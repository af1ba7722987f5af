"""Work in the background: it ends with the body, and its errors are logged; and what training does there."""

import threading

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import Member
from gmcore.testing.fakes import TinyModel
from gmcore.training import GradientDescent
from gmcore.training.background import in_background

ROWS = [np.arange(150, 203), np.arange(100, 203)]


def members():
    return [Member(index=index, train=np.arange(100), seed=index) for index in range(2)]


def test_work_is_done_in_another_thread_and_has_ended_after_the_body():
    threads = []
    with in_background(lambda: lambda: threads.append(threading.current_thread())):
        pass
    assert threads != [threading.current_thread()]
    assert not threads[0].is_alive()


def test_no_work_needs_no_thread():
    before = threading.active_count()
    with in_background(lambda: None):
        assert threading.active_count() == before


def broken():
    raise ValueError("no compiler")


@pytest.mark.parametrize("begin", [broken, lambda: broken], ids=["beginning", "work"])
def test_what_work_raises_is_logged_and_not_raised(caplog, begin):
    caplog.set_level("DEBUG", logger="gmcore.training")
    with in_background(begin):
        pass
    assert "is done when it is needed" in caplog.text
    assert "no compiler" in caplog.text


def test_what_the_body_raises_is_raised_after_the_work_has_ended():
    done = threading.Event()
    with pytest.raises(KeyError), in_background(lambda: lambda: done.wait(0.05) or done.set()):
        raise KeyError
    assert done.is_set()


@pytest.fixture
def fresh(task):
    """Return the task on a backend that has not compiled anything."""
    return attrs.evolve(task, backend=gmcore.float32.backends.create(task.backend.name, device="cpu"))


def test_validation_that_was_prepared_compiles_nothing(fresh):
    workflow = GradientDescent()
    workflow.prepare(ROWS)
    variables = [result.variables for result in workflow.train(fresh, members())]
    before = fresh.backend.compilations
    scores = workflow.validate(fresh, variables, ROWS)
    if fresh.backend.name == "jax":
        assert fresh.backend.compilations == before
    assert [len(one.predictions) for one in scores] == [53, 103]


@attrs.frozen
class Unsized(TinyModel):
    """A model that takes real random numbers only, so that its shapes are not known before it is trained."""

    def init(self, rng):
        if type(rng) is not np.random.Generator:
            raise TypeError("no random numbers")
        return super().init(rng)


def test_training_goes_on_if_nothing_can_be_prepared(task, caplog, same_results):
    caplog.set_level("DEBUG", logger="gmcore.training")
    own = attrs.evolve(task, model=Unsized(schema=task.rows.schema))
    workflow = GradientDescent()
    expected = workflow.train(own, members())
    workflow.prepare(ROWS)
    same_results(workflow.train(own, members()), expected)
    assert "no random numbers" in caplog.text


def test_a_validation_that_is_not_the_expected_one_is_right(task):
    workflow, other = GradientDescent(), GradientDescent()
    variables = [result.variables for result in other.train(task, members())]
    workflow.prepare(ROWS[:1])
    workflow.train(task, members())
    for one, expected in zip(
        workflow.validate(task, variables, ROWS), other.validate(task, variables, ROWS), strict=True
    ):
        assert one.loss == expected.loss
        np.testing.assert_array_equal(one.predictions, expected.predictions)


def test_what_is_expected_is_expected_after_one_training_only(fresh):
    workflow = GradientDescent()
    workflow.train(fresh, members())
    workflow.prepare(ROWS)
    counts = [workflow.train(fresh, members()) and workflow.metrics["compilations"] for _ in range(2)]
    assert counts == ([1, 0] if fresh.backend.name == "jax" else [0, 0])
