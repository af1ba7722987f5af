"""Contract tests of KFold with each kind of folds."""

import attrs
import numpy as np
from gm_kfold_cv import KFold

from gmcore.domain import Rows
from gmcore.testing.cross_validator import CrossValidatorContract


class TestStratified(CrossValidatorContract):
    def validator(self) -> KFold:
        return KFold(n_splits=4, seed=3)


class TestPlainInOrder(CrossValidatorContract):
    def validator(self) -> KFold:
        return KFold(n_splits=5, shuffle=False, stratify="no")


class TestRepeated(CrossValidatorContract):
    def validator(self) -> KFold:
        return KFold(n_splits=3, repeats=3)


class TestGrouped(CrossValidatorContract):
    def validator(self) -> KFold:
        return KFold(n_splits=3, stratify="no")

    def rows(self) -> Rows:
        groups = np.random.default_rng(1).integers(0, 12, 67)
        return attrs.evolve(super().rows(), groups=groups)


class TestGroupedAndStratified(TestGrouped):
    def validator(self) -> KFold:
        return KFold(n_splits=3)


class Unreadable(np.ndarray):
    """An array that raises when it is indexed."""

    def __getitem__(self, where):
        raise AssertionError("inputs were read")


class TestWithoutReadingInputs(TestGrouped):
    def rows(self) -> Rows:
        rows = super().rows()
        return attrs.evolve(rows, inputs={name: array.view(Unreadable) for name, array in rows.inputs.items()})
