"""Contract: what every sequence provider keeps to."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from gmcore.domain import Rows, SequenceConfig, SplitConfig
from gmcore.ports import DataProvider, SequenceProvider, SupportsRows

__all__ = ["SequenceProviderContract"]

_CONSECUTIVE = SequenceConfig(max_length=7)
_RANDOM = SequenceConfig(max_length=7, strategy="random", seed=5)


class SequenceProviderContract(ABC):
    """Checks for a sequence provider; subclass it as `TestYours` in a test module, and pytest runs them."""

    @abstractmethod
    def provider(self) -> SequenceProvider:
        """Return a new sequence provider."""

    @abstractmethod
    def data(self) -> DataProvider:
        """Return 20 training rows or more, no two alike in their numeric columns, and some validation and test rows."""

    @abstractmethod
    def difficulty(self) -> str:
        """Return the name of the numeric column that says how hard a row of the data is."""

    def places(self, sets: Sequence[DataProvider]) -> list[np.ndarray]:
        """Return, for each data set, the places of its rows in the data."""
        place = {row.tobytes(): index for index, row in enumerate(_numeric(self.data()))}
        return [np.array([place[row.tobytes()] for row in _numeric(found)]) for found in sets]

    def curriculum(self) -> SequenceConfig:
        """Return a curriculum of the data in five steps."""
        return SequenceConfig(max_length=15, count=5, strategy="curriculum", difficulty=self.difficulty())

    def test_it_is_a_sequence_provider(self) -> None:
        """The port is subclassed, or its methods are all there."""
        assert isinstance(self.provider(), SequenceProvider)

    def test_every_data_set_has_rows_and_no_more_than_asked_for(self) -> None:
        """Under each strategy."""
        for config in (_CONSECUTIVE, _RANDOM, self.curriculum()):
            lengths = [len(places) for places in self.places(self.provider().sequences(self.data(), config))]
            assert lengths, config.strategy
            assert 0 < min(lengths) <= max(lengths) <= config.max_length, config.strategy

    def test_only_training_rows_are_trained_on(self) -> None:
        """Validation and test rows are in no sequence."""
        train = _rows_of(self.data())[1]
        for config in (_CONSECUTIVE, _RANDOM, self.curriculum()):
            for places in self.places(self.provider().sequences(self.data(), config)):
                assert np.isin(places, train).all(), config.strategy

    def test_there_are_no_more_data_sets_than_asked_for(self) -> None:
        """`count` is a limit."""
        for strategy in ("consecutive", "random"):
            config = SequenceConfig(max_length=3, count=2, strategy=strategy)
            assert len(self.provider().sequences(self.data(), config)) == config.count

    def test_consecutive_runs_are_all_training_rows_once_in_order(self) -> None:
        """Without `count`."""
        found = np.concatenate(self.places(self.provider().sequences(self.data(), _CONSECUTIVE)))
        rows, train = _rows_of(self.data())
        order = np.sort(train) if rows.time is None else train[np.argsort(rows.time[train], kind="stable")]
        assert np.array_equal(found, order)

    def test_a_seed_decides_what_is_random(self) -> None:
        """The same one, the same rows; another one, others."""
        drawn = [
            self.places(
                self.provider().sequences(
                    self.data(), SequenceConfig(max_length=3, count=5, strategy="random", seed=seed)
                )
            )
            for seed in (1, 1, 2)
        ]
        assert all(np.array_equal(a, b) for a, b in zip(drawn[0], drawn[1], strict=True))
        assert not all(np.array_equal(a, b) for a, b in zip(drawn[0], drawn[2], strict=True))

    def test_a_curriculum_grows_and_keeps_what_is_easier(self) -> None:
        """Each step has the rows of the one before, and every row left out is at least as hard."""
        rows, train = _rows_of(self.data())
        names = [feature.name for feature in rows.schema.numeric]
        hardness = rows.inputs["numeric"][:, names.index(self.difficulty())]
        before: set[int] = set()
        for places in self.places(self.provider().sequences(self.data(), self.curriculum())):
            now = set(places.tolist())
            assert before < now
            assert hardness[places].max() <= hardness[np.setdiff1d(train, places)].min()
            before = now

    def test_a_split_divides_all_rows_but_the_test_rows(self) -> None:
        """Each on one side."""
        data = self.data()
        parts = self.provider().train_validation_split(data, SplitConfig(fraction=0.3, strategy="random", seed=2))
        assert isinstance(data, SupportsRows)
        split = data.split()
        found = np.sort(np.concatenate(self.places(parts)))
        assert np.array_equal(found, np.sort(np.concatenate([split.train, split.validation])))

    def test_the_columns_stay_what_they_are(self) -> None:
        """All data sets have the schema of the data, classes and categories included."""
        data = self.data()
        made = [
            *self.provider().sequences(data, _CONSECUTIVE),
            *self.provider().train_validation_split(data, SplitConfig()),
        ]
        assert all(found.schema == data.schema for found in made)


def _rows_of(data: DataProvider) -> tuple[Rows, np.ndarray]:
    assert isinstance(data, SupportsRows), "data sets must offer their rows"
    return data.rows(), data.split().train


def _numeric(data: DataProvider) -> np.ndarray:
    return np.ascontiguousarray(_rows_of(data)[0].inputs["numeric"])
