"""Sequences of data sets from rows in memory."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmcore.builtins.arrays import ArrayData
from gmcore.builtins.sequences import RowSequences
from gmcore.domain import BatchConfig, SequenceConfig, SplitConfig
from gmcore.errors import DataError
from gmcore.testing.sequence_provider import SequenceProviderContract


def numbered(count, **more):
    """Training rows whose first column is their index."""
    return ArrayData(np.arange(float(count))[:, None], np.zeros(count), **{"validation": None} | more)


def places(sets):
    return [data.rows().inputs["numeric"][:, 0].astype(int).tolist() for data in sets]


class TestRowSequences(SequenceProviderContract):
    def provider(self):
        return RowSequences()

    def data(self):
        rng = np.random.default_rng(5)
        return ArrayData(
            rng.normal(size=(60, 2)), np.arange(60) % 3, validation=SplitConfig(), test=SplitConfig(fraction=0.1)
        )

    def difficulty(self):
        return "x1"


class TestRowSequencesInTime(TestRowSequences):
    def data(self):
        rng = np.random.default_rng(5)
        return ArrayData(rng.normal(size=(60, 2)), rng.normal(size=60), time=rng.permutation(60))


@given(st.integers(1, 50), st.integers(1, 60), st.none() | st.integers(1, 70))
def test_consecutive_runs_cover_rows_in_order(rows, max_length, count):
    found = places(RowSequences().sequences(numbered(rows), SequenceConfig(max_length=max_length, count=count)))
    assert [row for run in found for row in run] == list(range(rows))[: max_length * (count or rows)]
    assert all(len(run) == max_length for run in found[:-1])


@given(st.integers(1, 50), st.integers(1, 60), st.none() | st.integers(1, 70), st.integers(0, 9))
def test_random_runs_are_neighbouring_rows_of_full_length(rows, max_length, count, seed):
    config = SequenceConfig(max_length=max_length, count=count, strategy="random", seed=seed)
    found = places(RowSequences().sequences(numbered(rows), config))
    assert len(found) == (count or -(-rows // max_length))
    for run in found:
        assert run == list(range(run[0], run[0] + min(max_length, rows)))


@given(st.integers(1, 50), st.integers(1, 60), st.integers(1, 70))
def test_a_curriculum_ends_with_the_easiest_rows_that_were_asked_for(rows, max_length, count):
    config = SequenceConfig(max_length=max_length, count=count, strategy="curriculum", difficulty="x0")
    found = places(RowSequences().sequences(numbered(rows), config))
    assert found[-1] == list(range(min(max_length, rows)))
    assert len(found) == min(count, max_length, rows)


def test_runs_follow_time():
    data = numbered(4, time=np.array(["2024-03", "2024-01", "2024-04", "2024-02"], "datetime64[M]"))
    assert places(RowSequences().sequences(data, SequenceConfig(max_length=3))) == [[1, 3, 0], [2]]


def test_a_sequence_can_be_trained_on():
    first = RowSequences().sequences(numbered(9), SequenceConfig(max_length=4))[0]
    batches = list(first.training_batches(BatchConfig(batch_size=4, shuffle=False)))
    assert [batch.inputs["numeric"][:, 0].tolist() for batch in batches] == [[0, 1, 2, 3]]
    assert list(first.validation_batches(BatchConfig())) == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "a curriculum needs 'count'"),
        ({"count": 3}, "a curriculum needs 'difficulty'"),
        ({"count": 3, "difficulty": "x1"}, "no numeric column 'x1' to order rows by (available: x0)"),
    ],
)
def test_a_curriculum_says_what_it_needs(config, message):
    with pytest.raises(DataError, match=re.escape(message)):
        RowSequences().sequences(numbered(9), SequenceConfig(max_length=4, strategy="curriculum", **config))


def test_a_row_without_difficulty_has_no_place_in_a_curriculum():
    data = ArrayData(np.array([[1.0], [np.nan], [2.0]]), np.zeros(3), validation=None)
    config = SequenceConfig(max_length=4, strategy="curriculum", difficulty="x0", count=2)
    with pytest.raises(DataError, match=r"1 of [0-9]+ rows has no value in column 'x0': each"):
        RowSequences().sequences(data, config)


def test_a_sequence_copies_its_rows_when_it_is_used_and_lets_go_of_them_when_it_is_closed():
    first, second = RowSequences().sequences(numbered(20), SequenceConfig(max_length=10))
    rows = first.rows()
    assert rows is first.rows()
    assert rows.inputs["numeric"] is rows.inputs["numeric"]
    assert second._rows is None
    first.close()
    assert first._rows is None
    assert np.array_equal(first.rows().inputs["numeric"], rows.inputs["numeric"])
