"""Contract tests for cross-validators."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod
from collections import defaultdict

import attrs
import numpy as np

from gmcore.domain import Feature, Fold, Rows, Schema, Target, TargetKind
from gmcore.ports import CrossValidator

__all__ = ["CrossValidatorContract"]


class CrossValidatorContract(ABC):
    """Contract tests for a cross-validator; subclass it as `TestYours` in a test module."""

    @abstractmethod
    def validator(self) -> CrossValidator:
        """Return a new validator with the same settings each time."""

    def rows(self) -> Rows:
        """Return rows that the validator can split; by default, 67 rows of three classes."""
        rng = np.random.default_rng(7)
        classes = rng.permutation(np.repeat([0, 1, 2], [30, 22, 15]))
        return Rows(
            schema=Schema(
                features=(Feature(name="a"), Feature(name="b")),
                target=Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("x", "y", "z")),
            ),
            inputs={"numeric": rng.normal(size=(len(classes), 2))},
            targets=classes.astype(np.int32),
        )

    def folds(self) -> list[Fold]:
        """Return the folds of the rows."""
        return list(self.validator().folds(self.rows()))

    def test_it_is_a_cross_validator(self) -> None:
        """It is a subclass of the port or has all its methods."""
        assert isinstance(self.validator(), CrossValidator)

    def test_folds_are_numbered_from_zero_and_there_are_at_least_two(self) -> None:
        """`Fold.index` is the position among the folds."""
        indices = [fold.index for fold in self.folds()]
        assert indices == list(range(len(indices)))
        assert len(indices) > 1

    def test_a_row_is_validated_exactly_once_in_each_repeat(self) -> None:
        """No row is missing or repeated; a cross-validator for time series overrides this test."""
        held: dict[object, list[np.ndarray]] = defaultdict(list)
        for fold in self.folds():
            held[fold.metadata.get("repeat", 0)].append(fold.validation)
        for repeat, parts in held.items():
            found = np.sort(np.concatenate(parts))
            assert np.array_equal(found, np.arange(len(self.rows()))), (
                f"repeat {repeat}: some rows are not validated exactly once"
            )

    def test_no_row_is_both_trained_on_and_scored(self) -> None:
        """And neither part of a fold is empty."""
        for fold in self.folds():
            assert not np.intersect1d(fold.train, fold.validation).size, f"fold {fold.index} has rows in both parts"
            assert fold.train.size, f"fold {fold.index} has no training rows"
            assert fold.validation.size, f"fold {fold.index} has no validation rows"

    def test_indices_are_distinct_int64_and_within_the_rows(self) -> None:
        """And one-dimensional."""
        for fold in self.folds():
            for name, indices in (("train", fold.train), ("validation", fold.validation)):
                where = f"fold {fold.index}, {name}"
                assert indices.dtype == np.int64, f"{where}: {indices.dtype}"
                assert indices.ndim == 1, f"{where}: {indices.shape}"
                assert len(np.unique(indices)) == len(indices), f"{where}: duplicate rows"
                assert 0 <= indices.min() <= indices.max() < len(self.rows()), f"{where}: out of range"

    def test_folds_are_reproducible(self) -> None:
        """From the same object, from an equal one, and if two iterations are interleaved."""
        validator, rows = self.validator(), self.rows()
        once, again = list(validator.folds(rows)), list(validator.folds(rows))
        interleaved = [pair[1] for pair in zip(validator.folds(rows), validator.folds(rows), strict=True)]
        for other in (again, interleaved, self.folds()):
            assert len(once) == len(other)
            for a, b in zip(once, other, strict=True):
                assert np.array_equal(a.train, b.train)
                assert np.array_equal(a.validation, b.validation)

    def test_rows_and_global_random_state_are_unchanged(self) -> None:
        """Nothing is sorted, shuffled or filled in place, and NumPy's global random state is not used."""
        rows, fresh = self.rows(), self.rows()
        before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002 - must be unchanged
        list(self.validator().folds(rows))
        assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002 - as above
        for name, column in fresh.inputs.items():
            assert np.array_equal(rows.inputs[name], column, equal_nan=True), name
        for name in ("targets", "weights", "groups", "time"):
            column, expected = getattr(rows, name), getattr(fresh, name)
            assert np.array_equal(column, expected) if expected is not None else column is None, name

    def test_rows_of_one_group_stay_together(self) -> None:
        """No group is in both parts of a fold."""
        groups = np.arange(len(self.rows())) // 2
        rows = attrs.evolve(self.rows(), groups=groups)
        for fold in self.validator().folds(rows):
            assert not np.intersect1d(groups[fold.train], groups[fold.validation]).size, (
                f"fold {fold.index} has a group in both parts"
            )
