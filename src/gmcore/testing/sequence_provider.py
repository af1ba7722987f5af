"""Contract suite for sequence providers."""

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
        """Return at least 20 training rows, all with distinct numeric columns, and some validation and test rows."""

    @abstractmethod
    def difficulty(self) -> str:
        """Return the name of the numeric column with the difficulty of each row."""

    def places(self, sets: Sequence[DataProvider]) -> list[np.ndarray]:
        """Return, for each data set, the indices of its rows in the data."""
        index_of = {row.tobytes(): index for index, row in enumerate(_numeric(self.data()))}
        return [np.array([index_of[row.tobytes()] for row in _numeric(found)]) for found in sets]

    def curriculum(self) -> SequenceConfig:
        """Return the configuration of a curriculum in five steps."""
        return SequenceConfig(max_length=15, count=5, strategy="curriculum", difficulty=self.difficulty())

    def test_it_is_a_sequence_provider(self) -> None:
        """The port is subclassed, or all of its methods exist."""
        assert isinstance(self.provider(), SequenceProvider)

    def test_every_data_set_has_between_one_and_max_length_rows(self) -> None:
        """Holds for each strategy."""
        for config in (_CONSECUTIVE, _RANDOM, self.curriculum()):
            lengths = [len(places) for places in self.places(self.provider().sequences(self.data(), config))]
            assert lengths, config.strategy
            assert 0 < min(lengths) <= max(lengths) <= config.max_length, config.strategy

    def test_only_training_rows_are_trained_on(self) -> None:
        """No sequence contains validation or test rows."""
        train = _rows_of(self.data())[1]
        for config in (_CONSECUTIVE, _RANDOM, self.curriculum()):
            for places in self.places(self.provider().sequences(self.data(), config)):
                assert np.isin(places, train).all(), config.strategy

    def test_there_are_at_most_count_data_sets(self) -> None:
        """`count` limits the number of sequences."""
        for strategy in ("consecutive", "random"):
            config = SequenceConfig(max_length=3, count=2, strategy=strategy)
            assert len(self.provider().sequences(self.data(), config)) == config.count

    def test_consecutive_sequences_cover_all_training_rows_once_in_order(self) -> None:
        """Holds without `count`."""
        found = np.concatenate(self.places(self.provider().sequences(self.data(), _CONSECUTIVE)))
        rows, train = _rows_of(self.data())
        order = np.sort(train) if rows.time is None else train[np.argsort(rows.time[train], kind="stable")]
        assert np.array_equal(found, order)

    def test_random_sequences_are_a_function_of_the_seed(self) -> None:
        """Equal seeds give equal rows, and other seeds give others."""
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

    def test_a_curriculum_grows_from_the_easiest_rows(self) -> None:
        """Each step contains the rows of the previous one, and every row left out is at least as hard."""
        rows, train = _rows_of(self.data())
        names = [feature.name for feature in rows.schema.numeric]
        difficulty = rows.inputs["numeric"][:, names.index(self.difficulty())]
        before: set[int] = set()
        for places in self.places(self.provider().sequences(self.data(), self.curriculum())):
            now = set(places.tolist())
            assert before < now
            assert difficulty[places].max() <= difficulty[np.setdiff1d(train, places)].min()
            before = now

    def test_a_split_divides_training_and_validation_rows(self) -> None:
        """Each row is on exactly one side; test rows are on neither."""
        data = self.data()
        parts = self.provider().train_validation_split(data, SplitConfig(fraction=0.3, strategy="random", seed=2))
        assert isinstance(data, SupportsRows)
        split = data.split()
        found = np.sort(np.concatenate(self.places(parts)))
        assert np.array_equal(found, np.sort(np.concatenate([split.train, split.validation])))

    def test_the_schema_is_unchanged(self) -> None:
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
