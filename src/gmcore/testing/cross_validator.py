"""Contract: what every cross-validator keeps to."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod
from collections import defaultdict

import attrs
import numpy as np

from gmcore.domain import Feature, Fold, Rows, Schema, Target, TargetKind
from gmcore.ports import CrossValidator

__all__ = ["CrossValidatorContract"]


class CrossValidatorContract(ABC):
    """Checks for a cross-validator; subclass it as `TestYours` in a test module, and pytest runs them."""

    @abstractmethod
    def validator(self) -> CrossValidator:
        """Return a new validator, the same every time."""

    def rows(self) -> Rows:
        """Return rows that it can divide; without an override 67 rows of three classes."""
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
        """The port is subclassed, or its methods are all there."""
        assert isinstance(self.validator(), CrossValidator)

    def test_folds_are_counted_from_zero_and_there_are_at_least_two(self) -> None:
        """`Fold.index` is the place among the folds."""
        indices = [fold.index for fold in self.folds()]
        assert indices == list(range(len(indices)))
        assert len(indices) > 1

    def test_a_row_is_validated_exactly_once_in_each_repeat(self) -> None:
        """Nothing is left out or counted twice; a validator that only goes forward in time overrides this."""
        held: dict[object, list[np.ndarray]] = defaultdict(list)
        for fold in self.folds():
            held[fold.metadata.get("repeat", 0)].append(fold.validation)
        for repeat, parts in held.items():
            found = np.sort(np.concatenate(parts))
            assert np.array_equal(found, np.arange(len(self.rows()))), f"repeat {repeat} does not hold each row once"

    def test_no_row_is_both_trained_on_and_scored(self) -> None:
        """And no side is empty."""
        for fold in self.folds():
            assert not np.intersect1d(fold.train, fold.validation).size, f"fold {fold.index} leaks rows"
            assert fold.train.size, f"fold {fold.index} has nothing to train on"
            assert fold.validation.size, f"fold {fold.index} has nothing to score"

    def test_indices_are_distinct_int64_and_within_the_rows(self) -> None:
        """One dimension each."""
        for fold in self.folds():
            for name, indices in (("train", fold.train), ("validation", fold.validation)):
                where = f"fold {fold.index}, {name}"
                assert indices.dtype == np.int64, f"{where}: {indices.dtype}"
                assert indices.ndim == 1, f"{where}: {indices.shape}"
                assert len(np.unique(indices)) == len(indices), f"{where}: a row comes twice"
                assert 0 <= indices.min() <= indices.max() < len(self.rows()), f"{where}: outside the rows"

    def test_the_same_validator_gives_the_same_folds_again(self) -> None:
        """From one object, from an equal one, and when two runs over the folds are interleaved."""
        validator, rows = self.validator(), self.rows()
        once, again = list(validator.folds(rows)), list(validator.folds(rows))
        interleaved = [pair[1] for pair in zip(validator.folds(rows), validator.folds(rows), strict=True)]
        for other in (again, interleaved, self.folds()):
            assert len(once) == len(other)
            for a, b in zip(once, other, strict=True):
                assert np.array_equal(a.train, b.train)
                assert np.array_equal(a.validation, b.validation)

    def test_the_rows_are_left_as_they_were(self) -> None:
        """Nothing is sorted, shuffled or filled in place, and NumPy's global draws are left alone."""
        rows, fresh = self.rows(), self.rows()
        before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002 - the one to be left alone
        list(self.validator().folds(rows))
        assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002 - as above
        for name, column in fresh.inputs.items():
            assert np.array_equal(rows.inputs[name], column, equal_nan=True), name
        for name in ("targets", "weights", "groups", "time"):
            column, was = getattr(rows, name), getattr(fresh, name)
            assert np.array_equal(column, was) if was is not None else column is None, name

    def test_rows_of_one_group_stay_together(self) -> None:
        """Where rows have groups, none is on both sides of a fold."""
        groups = np.arange(len(self.rows())) // 2
        rows = attrs.evolve(self.rows(), groups=groups)
        for fold in self.validator().folds(rows):
            assert not np.intersect1d(groups[fold.train], groups[fold.validation]).size, f"fold {fold.index} leaks"
