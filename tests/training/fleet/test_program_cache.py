"""A program is compiled once per process, and keeps no rows or results alive."""

import contextlib
import gc
import threading
import weakref

import attrs
import numpy as np
import pytest

from gmcore.domain import EarlyStoppingConfig
from gmcore.nn.optimizers import SGD, AdamW
from gmcore.testing import GuardedBackend
from gmcore.testing.fakes import TinyModel, two_moons
from gmcore.training.evaluate import predict
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.gradient_descent import GradientDescent

WORKFLOW = GradientDescent()


@pytest.fixture
def compiled(task):
    """Return a call that counts the programs that another call compiles."""

    def count(fn, *args):
        before = task.backend.compilations
        fn(*args)
        return task.backend.compilations - before

    return count


def train_and_score(task, members):
    results = WORKFLOW.train(task, members)
    WORKFLOW.validate(task, [result.variables for result in results], [np.arange(20)] * len(members))
    return results


def again(task):
    """Return an equal task whose parts are other objects."""
    rows = two_moons(203)
    model, optimizer = TinyModel(schema=rows.schema), AdamW(learning_rate=0.03)
    return attrs.evolve(task, rows=rows, model=model, optimizer=optimizer)


def test_training_and_scoring_again_compile_nothing(task, fleet, compiled, same_results):
    first = train_and_score(task, fleet())
    assert compiled(train_and_score, again(task), fleet()) == 0
    same_results(WORKFLOW.train(again(task), fleet()), first)


@pytest.mark.parametrize("part", ["model", "optimizer", "early_stopping"])
def test_a_program_is_compiled_again_if_what_it_depends_on_changes(task, fleet, compiled, part):
    train_and_score(task, fleet())
    other = {
        "model": lambda: attrs.evolve(task, model=TinyModel(schema=task.rows.schema, hidden=5)),
        "optimizer": lambda: attrs.evolve(task, optimizer=SGD()),
        "early_stopping": lambda: attrs.evolve(
            task, config=attrs.evolve(task.config, early_stopping=EarlyStoppingConfig(patience=3, min_delta=0.1))
        ),
    }[part]()
    assert compiled(train_and_score, other, fleet()) > 0


def test_predicting_again_compiles_nothing(task, fleet, compiled):
    variables = WORKFLOW.train(task, fleet()[:1])[0].variables
    predict(task.backend, task.model, variables, task.rows)
    assert compiled(predict, task.backend, again(task).model, variables, task.rows) == 0


def test_kept_programs_keep_no_rows_and_no_results(task, fleet):
    own = again(task)
    results = train_and_score(own, fleet())
    column, weight = own.rows.inputs["numeric"], results[0].variables.params["out"]["weight"]
    held = [weakref.ref(thing) for thing in (own.rows, own, results[0], column, weight)]
    del own, results, column, weight
    WORKFLOW.close()
    gc.collect()
    assert [one() for one in held] == [None] * len(held)


def test_only_the_most_recently_used_entries_are_kept(task):
    made = []
    ask = lambda name: cached_program(task.backend, ("test", name), lambda: made.append(name) or name)
    for name in range(100):
        ask(0)
        ask(name)
    ask(1)
    assert made == [*range(100), 1]


def test_entries_that_cannot_be_compared_are_made_again(task):
    things = [cached_program(task.backend, ("test", np.zeros(3)), object) for _ in range(2)]
    assert things[0] is not things[1]


def test_entries_that_cannot_be_compared_do_not_hide_others(backend):
    cached_program(backend, ("test", np.zeros(2)), lambda: "an array's")
    ours = cached_program(backend, ("test", "ours"), object)
    cached_program(backend, ("test", np.zeros(2)), lambda: "another's")
    assert cached_program(backend, ("test", "ours"), object) is ours


def test_each_backend_has_its_own(backend):
    other = GuardedBackend(inner=backend)
    ours, theirs = (cached_program(one, ("test", "backends"), object) for one in (backend, other))
    assert ours is not theirs


def test_an_entry_that_is_used_again_takes_no_more_room(task):
    made = []
    ask = lambda name: cached_program(task.backend, ("test room", name), lambda: made.append(name) or name)
    for name in range(1, 21):
        ask(0)
        ask(name)
    ask(1)
    assert made == list(range(21))


def test_threads_that_ask_at_once_share_what_one_of_them_makes(backend):
    made, both = [], threading.Barrier(2)

    def make():
        made.append(threading.get_ident())
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.2)  # only two makers at once would meet here
        return object()

    found = []
    ask = lambda: found.append(cached_program(backend, ("test", "threads"), make))
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 1
    assert found[0] is found[1]
