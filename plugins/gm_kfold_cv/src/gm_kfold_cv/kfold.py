"""K-fold cross-validation: each row is in the validation part of exactly one of k folds."""

from collections.abc import Iterator
from typing import Literal

import attrs
import numpy as np
from attrs.validators import ge, in_, instance_of, lt

from gm_kfold_cv.assign import Random, by_class, by_group, by_group_and_class, by_place
from gmcore.domain import Fold, Rows
from gmcore.errors import DataError
from gmcore.ports import CrossValidator

__all__ = ["KFold"]


@attrs.frozen(kw_only=True)
class KFold(CrossValidator):
    """K-fold cross-validation: plain, stratified, grouped and repeated.

    Rows with groups are split by whole groups. Folds count rows, whatever their weights. The folds are those of
    scikit-learn's `KFold`, `StratifiedKFold`, `GroupKFold` or `StratifiedGroupKFold` for the same arguments, and with
    `repeats` those of their repeated variants.

    Attributes:
        n_splits: number of folds, at least 2.
        shuffle: whether rows (or groups) are shuffled before splitting.
        seed: seed of the shuffling: scikit-learn's `random_state`.
        repeats: number of times the rows are split, each time with another shuffling.
        stratify: whether each fold has each class in proportion; `"auto"`: if the target is categorical.
        ignore_time: whether rows with a time column are accepted, although models are then trained on rows later than
            those they are scored on.
    """

    n_splits: int = attrs.field(default=5, validator=ge(2))
    shuffle: bool = attrs.field(default=True, validator=instance_of(bool))
    seed: int = attrs.field(default=0, validator=[ge(0), lt(2**32)])
    repeats: int = attrs.field(default=1, validator=ge(1))
    stratify: Literal["auto", "yes", "no"] = attrs.field(default="auto", validator=in_(("auto", "yes", "no")))
    ignore_time: bool = attrs.field(default=False, validator=instance_of(bool))

    @repeats.validator
    def _check_repeats(self, _: object, value: int) -> None:
        if value > 1 and not self.shuffle:
            raise ValueError(f"'repeats' must be 1 without shuffling, got {value}: all repeats would be equal")

    def folds(self, rows: Rows) -> Iterator[Fold]:
        stratified = self._is_stratified(rows)
        self._check(rows, stratified=stratified)
        return self._folds(rows, stratified=stratified)

    def _folds(self, rows: Rows, *, stratified: bool) -> Iterator[Fold]:
        random = np.random.RandomState(self.seed) if self.shuffle else None
        for repeat in range(self.repeats):
            fold_of_row = self._assigned(rows, random, stratified=stratified)
            for fold in range(self.n_splits):
                yield Fold(
                    index=repeat * self.n_splits + fold,
                    train=np.flatnonzero(fold_of_row != fold),
                    validation=np.flatnonzero(fold_of_row == fold),
                    metadata={"repeat": repeat},
                )

    def _assigned(self, rows: Rows, random: Random, *, stratified: bool) -> np.ndarray:
        classes = rows.targets if stratified else None
        if rows.groups is not None and classes is not None:
            return by_group_and_class(rows.groups, classes, self.n_splits, random)
        if rows.groups is not None:
            return by_group(rows.groups, self.n_splits, random)
        if classes is not None:
            return by_class(classes, self.n_splits, random)
        return by_place(len(rows), self.n_splits, random)

    def _is_stratified(self, rows: Rows) -> bool:
        has_classes = rows.targets is not None and rows.schema.target.has_strata
        if self.stratify == "yes" and not has_classes:
            raise DataError("stratified folds require a classification target; set stratify = 'no'")
        return has_classes and self.stratify != "no"

    def _check(self, rows: Rows, *, stratified: bool) -> None:
        if rows.time is not None and not self.ignore_time:
            raise DataError(
                f"the rows are ordered by time ('{rows.schema.time}'), and {self.n_splits} folds would train on rows "
                "later than those they are scored on; use a cross-validator for time series, or set ignore_time = true"
            )
        if self.n_splits > len(rows):
            raise DataError(f"can't split {len(rows)} rows into {self.n_splits} folds; reduce n_splits")
        if rows.targets is not None and rows.schema.target.has_strata:
            self._check_classes(rows.targets, rows.schema.target.classes, stratified=stratified)
        if rows.groups is not None and self.n_splits > (count := len(np.unique(rows.groups))):
            column = rows.schema.group or "groups"
            raise DataError(f"can't split {count} groups ('{column}') into {self.n_splits} folds; reduce n_splits")

    def _check_classes(self, targets: np.ndarray, names: tuple[str, ...], *, stratified: bool) -> None:
        present, sizes = np.unique(targets, return_counts=True)
        if len(present) == 1:
            raise DataError(
                f"all {len(targets)} rows have class '{names[present[0]]}'; at least two classes are needed"
            )
        few = [
            f"'{names[index]}' has {size}" for index, size in zip(present, sizes, strict=True) if size < self.n_splits
        ]
        if stratified and few:
            raise DataError(
                f"{self.n_splits} stratified folds need {self.n_splits} rows of each class, but {', '.join(few)}; "
                "reduce n_splits, or set stratify = 'no'"
            )
