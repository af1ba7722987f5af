"""Arrays, columns and data frames as a data set."""

import datetime as dt
import hashlib

import attrs
import numpy as np
import pytest

from gmcore.builtins.arrays import ArrayData
from gmcore.builtins.series import windowed_rows
from gmcore.domain import BatchConfig, SplitConfig
from gmcore.errors import DataError
from gmcore.testing.data_provider import DataProviderContract

X = np.arange(24.0).reshape(12, 2)
NUMBERS = np.linspace(0, 1, 12)


def mixed(**more):
    return {"size": [1.0, np.nan, 3.0], "ripe": [True, False, True], "kind": ["pear", None, "apple"], **more}


class TestArrays(DataProviderContract):
    def provider(self):
        x = np.random.default_rng(0).normal(size=(30, 3))
        return ArrayData(x, np.arange(30) % 3, weights=np.arange(1.0, 31.0), feature_names="abc")

    def unreadable(self):
        return ArrayData(np.zeros(3))


class TestColumns(DataProviderContract):
    def columns(self):
        rng = np.random.default_rng(0)
        return {"size": rng.normal(size=30), "ripe": rng.random(30) > 0.5, "kind": rng.choice([*"abc", None], 30)}

    def provider(self):
        return ArrayData(self.columns(), np.linspace(0, 1, 30), groups=np.arange(30) // 3, test=SplitConfig())

    def without_target(self):
        return ArrayData(self.columns())


class TestRows(TestColumns):
    def provider(self):
        return ArrayData(super().provider().rows())


class TestTensors(DataProviderContract):
    def tensors(self):
        rng = np.random.default_rng(0)
        return {"size": rng.normal(size=30), "image": rng.normal(size=(30, 4, 5, 2)), "steps": rng.normal(size=(30, 3))}

    def provider(self):
        return ArrayData(self.tensors(), np.random.default_rng(1).random((30, 3)) > 0.5, axes={"steps": ["time"]})

    def without_target(self):
        return ArrayData(self.tensors())


class TestSteps(TestTensors):
    def provider(self):
        return ArrayData(self.tensors(), np.random.default_rng(1).normal(size=(30, 4, 2)))


class TestWindows(DataProviderContract):
    def rows(self):
        rng = np.random.default_rng(0)
        groups = np.repeat([0, 1, 2], 30)
        return windowed_rows(rng.normal(size=(90, 2)), rng.normal(size=90), length=4, horizon=2, groups=groups)

    def provider(self):
        return ArrayData(self.rows())


class TestOneSeries(DataProviderContract):
    def provider(self):
        rng = np.random.default_rng(0)
        return ArrayData(windowed_rows(rng.normal(size=90), rng.integers(0, 3, 90), length=4), test=SplitConfig())


def test_groups_are_numbered():
    data = ArrayData(X, NUMBERS, groups=list("bbbaaaccccbb"))
    assert data.rows().groups.tolist() == [1, 1, 1, 0, 0, 0, 2, 2, 2, 2, 1, 1]
    assert data.schema.group == "groups"


def test_groups_of_several_types_are_numbered_by_their_texts():
    data = ArrayData(np.zeros((4, 1)), np.linspace(0, 1, 4), groups=np.array([2, "b", 2, "a"], object))
    assert data.rows().groups.tolist() == [0, 2, 0, 1]


def test_dates_are_time():
    days = [dt.date(2024, 1, day) for day in range(12, 0, -1)]
    data = ArrayData(X, NUMBERS, time=days)
    assert data.schema.time == "time"
    assert data.split().validation.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [1, 2]}, "X and groups must have the same number of rows, got 12 and 2"),
        ({"groups": [1.0, np.nan, *range(10)]}, "^1 of 12 rows has no value in groups, the first is row 1$"),
        ({"time": [None, *range(11)]}, "1 of 12 rows has no value in time, the first is row 0"),
        ({"time": np.array(["NaT"] * 12, "M8[D]")}, "12 of 12 rows have no value in time"),
        ({"weights": [0.0] + [-1.0] * 11}, r"weights must be finite and not negative, got -1.0 in row 1"),
        ({"weights": [0.0, 1.0, np.inf] * 4}, r"weights must be finite and not negative, got inf in row 2"),
        ({"weights": ["heavy"] * 12}, "weights must be numbers: .*'heavy'"),
        ({"weights": [None, *range(11)]}, "^1 of 12 rows has no value in weights, the first is row 0$"),
        ({"weights": [0.0] * 12}, "weights must not all be 0"),
        ({"weights": np.ones((12, 1))}, r"weights must have one dimension, got shape \(12, 1\)"),
    ],
)
def test_what_goes_with_the_rows_is_checked(options, message):
    with pytest.raises(DataError, match=message):
        ArrayData(X, NUMBERS, **options).rows()


def test_rows_are_read_by_the_names_and_codes_of_a_schema():
    schema = ArrayData(mixed(), [1.0, 2.0, 3.0]).schema
    other = {"kind": ["quince", "pear"], "more": [1, 2], "ripe": [False, None], "size": [5, 6]}
    rows = ArrayData(other).rows_like(schema)
    assert rows.schema is schema
    assert rows.targets is None
    np.testing.assert_array_equal(rows.inputs["numeric"], [[5, 0], [6, np.nan]])
    np.testing.assert_array_equal(rows.inputs["categorical"], [[0], [2]])


def test_an_array_is_read_by_the_places_of_its_columns():
    schema = ArrayData(X, NUMBERS, feature_names=("a", "b")).schema
    np.testing.assert_array_equal(ArrayData(X[:3]).rows_like(schema).inputs["numeric"], X[:3])
    swapped = ArrayData(X[:3], feature_names=("b", "a")).rows_like(schema)
    np.testing.assert_array_equal(swapped.inputs["numeric"], X[:3, ::-1])


def test_rows_can_be_read_again_under_their_own_schema_and_under_another():
    data = ArrayData(ArrayData(mixed(), [1.0, 2.0, 3.0]).rows())
    again = data.rows_like(data.schema)
    for name, column in data.rows().inputs.items():
        np.testing.assert_array_equal(again.inputs[name], column)
    recoded = ArrayData(mixed(kind=["apple", "kiwi", "pear"]), [1.0, 2.0, 3.0]).schema
    assert data.rows_like(recoded).inputs["categorical"].tolist() == [[3], [0], [1]]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({"a": [1.0], "bb": [2.0]}, "no column 'b', did you mean 'bb'"),
        (np.zeros((2, 3)), "X must have 2 features, got 3: a, b"),
        ({"a": ["much"], "b": [2.0]}, "column 'a' has 'much' in row 0, which is not a number"),
    ],
)
def test_rows_that_a_schema_does_not_know_are_refused(x, message):
    schema = ArrayData(X, NUMBERS, feature_names=("a", "b")).schema
    with pytest.raises(DataError, match=message):
        ArrayData(x).rows_like(schema)


def test_rows_are_held_out_as_asked():
    data = ArrayData(X, NUMBERS, validation=SplitConfig(fraction=0.25), test=SplitConfig(fraction=0.5))
    split = data.split()
    assert [len(split.train), len(split.validation), len(split.test)] == [4, 2, 6]
    assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(range(12))
    assert data.split() is split


def test_all_rows_can_be_kept_to_train_on():
    data = ArrayData(X, NUMBERS, validation=None)
    assert data.split().train.tolist() == list(range(12))
    assert list(data.validation_batches(BatchConfig())) == []


def test_a_last_batch_is_filled_up_with_rows_that_weigh_nothing():
    data = ArrayData(X, NUMBERS, weights=np.arange(1.0, 13.0), validation=None)
    first, last = data.training_batches(BatchConfig(batch_size=7, shuffle=False))
    assert first.weights.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert last.weights.tolist() == [8, 9, 10, 11, 12, 0, 0]
    assert last.inputs["numeric"].shape == (7, 2)
    assert data.rows().weights.tolist() == list(range(1, 13))


def test_a_last_batch_can_be_left_out():
    batches = ArrayData(X, NUMBERS, validation=None).training_batches(BatchConfig(batch_size=7, drop_last=True))
    assert len(list(batches)) == 1


def test_batches_are_shuffled_by_seed_and_come_the_same_again():
    data = ArrayData(X, NUMBERS, validation=None)
    drawn = [data.training_batches(BatchConfig(batch_size=12, seed=seed)) for seed in (1, 1, 2)]
    order = [[batch.inputs["numeric"][:, 0].tolist() for batch in batches] for batches in (*drawn, drawn[0])]
    assert order[0] == order[1] == order[3]
    assert order[0] != order[2]
    assert sorted(order[0][0]) == X[:, 0].tolist()


def test_validation_rows_are_never_shuffled_or_left_out():
    data = ArrayData(X, NUMBERS, validation=SplitConfig(fraction=0.4))
    (batch,) = data.validation_batches(BatchConfig(batch_size=8, drop_last=True))
    assert batch.inputs["numeric"][:5].tolist() == X[data.split().validation].tolist()
    assert batch.weights.tolist() == [1] * 5 + [0] * 3


def test_the_content_has_a_fingerprint():
    def fingerprint(x, y, **options):
        return ArrayData(x, y, **options).metadata["sha256"]

    own = fingerprint(X, NUMBERS)
    assert own == fingerprint(X.copy(), NUMBERS.tolist())
    others = [
        fingerprint(X + 1, NUMBERS),
        fingerprint(X, NUMBERS + 1),
        fingerprint(X, NUMBERS, feature_names=("a", "b")),
        fingerprint(X, NUMBERS, weights=np.ones(12)),
        fingerprint(X, NUMBERS, groups=np.arange(12)),
    ]
    assert len({own, *others}) == 6


@pytest.mark.parametrize("at_once", [1, 4, 1000])
def test_the_hash_of_rows_is_one_whatever_they_are_hashed_in_and_wherever_they_lie(tmp_path, monkeypatch, at_once):
    numbers = np.arange(30.0).reshape(10, 3)
    rows = ArrayData(numbers, np.arange(10) % 2).rows()
    described = repr(attrs.asdict(rows.schema)).encode() + b"<f8(10, 3)" + numbers.tobytes()
    described += b"<i4(10,)" + rows.targets.tobytes()
    np.save(tmp_path / "numbers.npy", numbers)
    in_a_file = attrs.evolve(rows, inputs={"numeric": np.load(tmp_path / "numbers.npy", mmap_mode="r")})
    monkeypatch.setattr("gmcore.builtins.arrays._ROWS_PER_UPDATE", at_once)
    assert ArrayData(in_a_file).metadata["sha256"] == hashlib.sha256(described).hexdigest()
