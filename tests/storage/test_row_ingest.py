"""A streaming provider trains like one with its rows in memory."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.builtins.sequences import RowSequences
from gmcore.domain import SequenceConfig, SplitConfig
from gmcore.errors import DataError, OutputError
from gmcore.storage import row_ingest as spool
from gmcore.storage.row_ingest import rows_of
from gmcore.testing.data_provider import DataProviderContract
from gmcore.testing.fakes import StreamOnly, two_moons

COUNT = 100


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def data(**more):
    rng = np.random.default_rng(0)
    inputs = {"size": rng.normal(size=COUNT), "colour": rng.choice(["red", "blue"], COUNT)}
    return ArrayData(inputs, rng.integers(0, 2, COUNT), **more)


CASES = {
    "plain": {},
    "no validation rows": {"validation": None},
    "weights": {"weights": np.arange(COUNT) + 0.5},
    "groups": {"groups": np.arange(COUNT) // 5},
    "time": {"time": np.arange(COUNT).astype("datetime64[D]")},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_stream_has_the_rows_that_its_source_has(case, size, monkeypatch, cache):
    monkeypatch.setattr(spool, "_CONFIG", attrs.evolve(spool._CONFIG, batch_size=size))
    source = data(**CASES[case])
    rows, split = rows_of(StreamOnly(source))
    expected, places = source.rows(), source.split()
    for found, chosen in ((split.train, places.train), (split.validation, places.validation)):
        streamed, direct = rows.take(found), expected.take(chosen)
        assert streamed.schema == direct.schema
        for name, column in direct.inputs.items():
            assert streamed.inputs[name].dtype == column.dtype
            assert np.array_equal(streamed.inputs[name], column)
        for name in ("targets", "weights", "groups", "time"):
            column = getattr(direct, name)
            assert (getattr(streamed, name) is None) == (column is None), name
            assert column is None or np.array_equal(getattr(streamed, name), column), name
    assert len(split.test) == 0
    assert all(isinstance(column, np.memmap) for column in rows.inputs.values())
    assert list(cache.glob("gmcore/streams/*")) == []


def test_rows_that_are_there_are_not_written(cache):
    source = data()
    rows, split = rows_of(source)
    assert rows is source.rows()
    assert split is source.split()
    assert list(cache.iterdir()) == []


def test_rows_of_weight_0_are_none(monkeypatch):
    weights = np.where(np.arange(COUNT) % 4 == 0, 0.0, 1.0)
    rows, split = rows_of(StreamOnly(data(weights=weights, validation=None)))
    assert len(rows) == len(split.train) == 75
    assert rows.weights is None


@attrs.frozen(eq=False)
class Changed(StreamOnly):
    """A stream whose batches are changed."""

    change: object = None
    batches: int = 10**9

    def training_batches(self, config):
        for place, batch in enumerate(self.data.training_batches(config)):
            if place < self.batches:
                yield self.change(place, batch) if self.change else batch


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (Changed(data(), batches=0), "Changed yields no training rows"),
        (
            Changed(data(groups=np.arange(COUNT)), lambda _, batch: attrs.evolve(batch, groups=None)),
            "Changed yields batches without group, but its schema has one: 'groups'",
        ),
        (
            Changed(data(time=np.arange(COUNT)), lambda _, batch: attrs.evolve(batch, time=None)),
            "Changed yields batches without time, but its schema has one: 'time'",
        ),
        (
            Changed(
                data(), lambda place, batch: attrs.evolve(batch, targets=batch.targets.astype(f"i{4 + 4 * place}"))
            ),
            "Changed yields batches that do not match: all rows must be int32",
        ),
        (
            Changed(data(), lambda _, batch: attrs.evolve(batch, targets=batch.targets[:-1])),
            "Changed yields batches that do not match",
        ),
    ],
)
def test_a_stream_that_is_not_what_its_schema_says_is_refused(stream, message, monkeypatch, cache):
    monkeypatch.setattr(spool, "_CONFIG", attrs.evolve(spool._CONFIG, batch_size=50))
    with pytest.raises(DataError, match=message):
        rows_of(stream)
    assert list(cache.glob("gmcore/streams/*")) == []


def test_where_there_is_no_room_for_a_stream_it_is_said_how_to_make_some(cache):
    (cache / "gmcore").write_text("")
    with pytest.raises(OutputError, match=r"cannot write to .*; set .* XDG_CACHE_HOME"):
        rows_of(StreamOnly(data()))


def test_sequences_are_cut_from_a_stream_too():
    source = data(validation=None)
    config = SequenceConfig(max_length=30)
    streamed = RowSequences().sequences(StreamOnly(source), config)
    direct = RowSequences().sequences(source, config)
    for one, other in zip(streamed, direct, strict=True):
        assert np.array_equal(one.rows().inputs["numeric"], other.rows().inputs["numeric"])


SETTINGS = {
    "model": {"use": "mlp", "hidden": [8]},
    "training": {"max_epochs": 3, "batch_size": 16, "early_stopping": {"patience": 2}},
    "backend": {"use": "metal", "device": "cpu"},
}


def test_a_model_trained_on_a_stream_is_the_one_trained_on_rows_to_the_bit():
    source = ArrayData(two_moons(200), validation=SplitConfig(seed=1))
    direct, streamed = gmcore.train(source, **SETTINGS), gmcore.train(StreamOnly(source), **SETTINGS)
    assert np.array_equal(streamed.result.history["train_loss"], direct.result.history["train_loss"])
    assert np.array_equal(streamed.validation.predictions, direct.validation.predictions)


def test_a_stream_can_be_cross_validated():
    done = gmcore.cross_validate(
        StreamOnly(ArrayData(two_moons(200))), validation={"use": "kfold", "n_splits": 3}, **SETTINGS
    )
    assert [fold.validation.n_samples for fold in done.result.folds] == [67, 67, 66]


class TestStreamOnly(DataProviderContract):
    abilities = ()

    def provider(self):
        return StreamOnly(data(groups=np.arange(COUNT) // 5, time=np.arange(COUNT)))
