"""Runs with other numbers of rows share their programs, because shapes are padded; and no result changes by it."""

import attrs
import numpy as np
import pytest

from gmcore.domain import CheckpointConfig, Member
from gmcore.testing.fakes import TinyModel, two_moons
from gmcore.training import GradientDescent, predict

WORKFLOW = GradientDescent()


@pytest.fixture
def fit(configured):
    """Return a call that trains two members on `count` rows, scores them, and returns the task and the results."""

    def train_and_score(count, folds=10, **model):
        rows = two_moons(count)
        task = attrs.evolve(
            configured(batch_size=64, max_epochs=2), rows=rows, model=TinyModel(schema=rows.schema, **model)
        )
        parts = np.array_split(np.arange(count), folds)
        members = [
            Member(index=place, train=np.concatenate(parts[2:]), stop=parts[1 - place], seed=3) for place in range(2)
        ]
        trained = [result.variables for result in WORKFLOW.train(task, members)]
        WORKFLOW.validate(task, trained, parts[:2])
        return task, trained

    return train_and_score


@pytest.fixture
def compiled(backend):
    """Return a call that counts the programs that another call compiles."""

    def count(fn, *args, **options):
        before = backend.compilations
        fn(*args, **options)
        return backend.compilations - before

    return count


def test_other_numbers_of_rows_and_of_folds_need_no_new_programs(fit, compiled):
    assert compiled(fit, 900, hidden=9) > 0
    assert compiled(fit, 950, hidden=9) == 0
    assert compiled(fit, 1000, hidden=9) == 0
    assert compiled(fit, 1000, folds=5, hidden=9) == 0
    assert compiled(fit, 900, folds=6, hidden=9) == 0


def test_predictions_of_other_numbers_of_rows_need_few_programs(fit, backend, compiled):
    task, (variables, _) = fit(900)
    counts = [
        compiled(predict, backend, task.model, variables, two_moons(count)) for count in (1024, 700, 600, 3000, 1500)
    ]
    assert counts[1:] == [0] * 4


@pytest.mark.parametrize("rows", [3, 64, 65, 203])
def test_predictions_of_any_number_of_rows_are_those_rows(fit, backend, rows):
    task, (variables, _) = fit(300)
    some = two_moons(rows)
    found = predict(backend, task.model, variables, some)
    assert found.shape == (rows, 2)
    alone = [predict(backend, task.model, variables, some.take(np.array([row]))) for row in range(0, rows, 50)]
    np.testing.assert_allclose(found[::50], np.concatenate(alone), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "members_per_chunk", [pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow), 10]
)
def test_padding_changes_no_bit(configured, fleet, same_results, members_per_chunk):
    """Epochs are padded as a whole; segments of three steps, as asked for, are not."""
    padded = configured(members_per_chunk=members_per_chunk, max_epochs=2)
    every = CheckpointConfig(seconds=float("inf"), every_steps=3)
    cut = attrs.evolve(padded, config=attrs.evolve(padded.config, checkpoint=every))
    same_results(WORKFLOW.train(padded, fleet(10)), WORKFLOW.train(cut, fleet(10)))


def test_rows_on_the_device_may_fill_their_capacity_exactly(configured, same_results):
    """3,000 rows are padded to 3,072; the same rows among 3,072, of which the others are NaN, give the same bits."""
    whole = two_moons(3072)
    some = whole.take(np.arange(3000))
    whole.inputs["numeric"][3000:] = np.nan
    members = [Member(train=np.arange(2400), stop=np.arange(2400, 3000))]
    found, expected = (
        WORKFLOW.train(attrs.evolve(configured(max_epochs=2, batch_size=512), rows=rows), members)
        for rows in (some, whole)
    )
    same_results(found, expected)
