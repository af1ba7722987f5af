"""The rows that models are checked with: for each kind of target, numbers, categories and dates, some missing."""

import numpy as np

from gmcore.domain import Feature, Kind, Rows, Schema, Target, TargetKind
from gmcore.domain.data.dates import FIRST_DAY, LAST_DAY, MISSING_DAY, SECONDS_PER_DAY

__all__ = ["BINARY", "MANY", "NUMBER", "NUMBERS", "first_rows", "rows_of"]

BINARY = Target(names=("kind",), kind=TargetKind.BINARY, classes=("no", "yes"))
MANY = Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"))
NUMBER = Target(names=("price",), kind=TargetKind.REGRESSION)
NUMBERS = Target(names=("price", "area"), kind=TargetKind.REGRESSION)
_CATEGORIES = (("red", "green", "blue"), ("small", "large"))


def rows_of(
    target: Target, *, numeric: bool = False, categorical: bool = False, datetime: bool = False, count: int = 30
) -> Rows:
    """Return rows with missing values, a constant column, different scales and, in the last third, new categories."""
    rng = np.random.default_rng(3)
    features: list[Feature] = []
    inputs: dict[str, np.ndarray] = {}
    if numeric:
        features += [Feature(name=f"n{i}") for i in range(3)] + [Feature(name="flag", kind=Kind.BOOLEAN)]
        numbers = rng.normal(size=(count, 3)) * [1.0, 100.0, 0.0] + [0.0, 5000.0, 3.0]
        numbers[rng.random(numbers.shape) < 0.2] = np.nan  # noqa: PLR2004 - a fifth
        inputs["numeric"] = np.column_stack([numbers, rng.integers(0, 2, count)]).astype(np.float64)
    if categorical:
        features += [
            Feature(name=f"c{i}", kind=Kind.CATEGORICAL, categories=names) for i, names in enumerate(_CATEGORIES)
        ]
        early = np.arange(count) < 2 * count // 3
        first = np.where(early, rng.integers(0, 3, count), rng.integers(0, 4, count))
        second = np.where(early, 1, rng.integers(0, 3, count))
        inputs["categorical"] = np.column_stack([first, second]).astype(np.int32)
    if datetime:
        features += [Feature(name=f"d{i}", kind=Kind.DATETIME) for i in range(2)]
        # The second column has dates of all the calendar, and a first day that is not among the first rows.
        days = np.column_stack([rng.integers(19_000, 20_000, count), rng.integers(FIRST_DAY, LAST_DAY + 1, count)])
        days[-1, 1] = FIRST_DAY
        dates = np.stack([days, rng.integers(0, SECONDS_PER_DAY, days.shape)], axis=-1).astype(np.int32)
        dates[rng.random(days.shape) < 0.2] = (MISSING_DAY, 0)  # noqa: PLR2004 - a fifth
        inputs["datetime"] = dates
    values = rng.normal(size=(count, target.width)) * 20 + 300
    classes = rng.integers(0, target.width, count).astype(np.int32)
    targets = classes if target.is_classification else values
    return Rows(schema=Schema(features=tuple(features), target=target), inputs=inputs, targets=targets)


def first_rows(rows: Rows) -> Rows:
    """Return the first two thirds of the rows, which lack some of the categories."""
    return rows.take(np.arange(2 * len(rows) // 3))
