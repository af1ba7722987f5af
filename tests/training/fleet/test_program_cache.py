"""A program is compiled once in a process, and holds nothing of what went through it."""

import gc
import weakref

import attrs
import numpy as np
import pytest

from gmcore.domain import EarlyStoppingConfig
from gmcore.nn.optimizers import OPTIMIZERS
from gmcore.testing.fakes import TinyModel, two_moons
from gmcore.training.evaluate import predict
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.gradient_descent import GradientDescent

WORKFLOW = GradientDescent()


@pytest.fixture
def compiled(task):
    """Return how many programs a call compiles."""

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
    """Return a task of the same kind, none of whose parts is the same object."""
    rows = two_moons(203)
    model, optimizer = TinyModel(schema=rows.schema), OPTIMIZERS["adamw"](learning_rate=0.03)
    return attrs.evolve(task, rows=rows, model=model, optimizer=optimizer)


def test_training_and_scoring_again_compile_nothing(task, fleet, compiled, same_results):
    first = train_and_score(task, fleet())
    assert compiled(train_and_score, again(task), fleet()) == 0
    same_results(WORKFLOW.train(again(task), fleet()), first)


@pytest.mark.parametrize("part", ["model", "optimizer", "early_stopping"])
def test_what_a_program_depends_on_has_it_compiled_again(task, fleet, compiled, part):
    train_and_score(task, fleet())
    other = {
        "model": lambda: attrs.evolve(task, model=TinyModel(schema=task.rows.schema, hidden=5)),
        "optimizer": lambda: attrs.evolve(task, optimizer=OPTIMIZERS["sgd"]()),
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
    gc.collect()
    assert [one() for one in held] == [None] * len(held)


def test_few_things_are_kept_and_the_last_used_ones_stay(task):
    made = []
    ask = lambda name: cached_program(task.backend, ("test", name), lambda: made.append(name) or name)
    for name in range(100):
        ask(0)
        ask(name)
    ask(1)
    assert made == [*range(100), 1]


def test_what_cannot_be_compared_is_made_again(task):
    things = [cached_program(task.backend, ("test", np.zeros(3)), object) for _ in range(2)]
    assert things[0] is not things[1]


def test_parts_that_cannot_be_compared_keep_nobody_else_from_theirs(backend):
    cached_program(backend, ("test", np.zeros(2)), lambda: "an array's")
    ours = cached_program(backend, ("test", "ours"), object)
    cached_program(backend, ("test", np.zeros(2)), lambda: "another's")
    assert cached_program(backend, ("test", "ours"), object) is ours
