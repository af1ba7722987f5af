"""Encoding of columns in memory as inputs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, cast

import numpy as np

from gmcore.builtins.dates import (
    are_dates,
    date_feature,
    datetime_column,
    has_only_missing_dates,
    holds_dates,
    with_date_texts,
)
from gmcore.builtins.values import BOOLEAN_WORDS, is_missing, missing_rows, sorts_of
from gmcore.domain import Feature, Kind, Rows
from gmcore.domain.data.date_recognition import is_new_format
from gmcore.domain.data.dates import decode_dates
from gmcore.domain.data.labels import label_text
from gmcore.errors import DataError, did_you_mean

__all__ = ["decode_inputs", "encode_inputs", "infer_features"]


class _Sortable(Protocol):
    def __lt__(self, other: object, /) -> bool: ...


def infer_features(
    columns: Mapping[str, np.ndarray], types: Mapping[str, str], date_format: str | None = None
) -> tuple[Feature, ...]:
    """Return the features: numeric for numbers, boolean for booleans, datetime for dates, categorical for strings.

    The strings true, false, yes and no are booleans, and strings of dates are dates, as in a CSV file. Categories are
    in sorted order.

    Args:
        columns: the columns, by name.
        types: the kinds of columns that are to be treated otherwise, by name.
        date_format: the format of dates in strings; None to recognize it.

    Raises:
        DataError: if `types` names a column that does not exist, or some but not all strings of a column are dates.
    """
    for name, kind in types.items():
        if name not in columns:
            raise DataError(f"types: no column '{name}' to treat as {kind}{did_you_mean(name, columns)}")
    return tuple(_feature(name, column, types.get(name), date_format) for name, column in columns.items())


def encode_inputs(
    columns: Mapping[str, np.ndarray], features: Sequence[Feature], date_format: str | None = None
) -> dict[str, np.ndarray]:
    """Return the columns as in `Rows.inputs`, in the order and with the category codes of `features`.

    Args:
        columns: the columns, by name.
        features: the features.
        date_format: the format of dates in strings, where that of the feature is ISO 8601; if no feature has it, it
            is preferred wherever it fits.

    Raises:
        DataError: if a feature has no column, or a column has values that its feature's kind does not allow.
    """
    for feature in features:
        if feature.name not in columns:
            raise DataError(f"no column '{feature.name}'{did_you_mean(feature.name, columns)}")
    is_new = is_new_format(date_format, features)
    inputs: dict[str, list[np.ndarray]] = {"numeric": [], "categorical": [], "datetime": []}
    for feature in features:
        column = columns[feature.name]
        if feature.kind is Kind.CATEGORICAL:
            inputs["categorical"].append(_codes(column, feature.categories))
        elif feature.kind is Kind.DATETIME:
            inputs["datetime"].append(datetime_column(column, feature, date_format, is_new=is_new))
        else:
            inputs["numeric"].append(_floats(column, feature))
    return {name: np.stack(stacked, axis=1) for name, stacked in inputs.items() if stacked}


def decode_inputs(rows: Rows) -> dict[str, np.ndarray]:
    """Return the columns of these rows, the inverse of `encode_inputs`."""
    numeric = {f.name: rows.inputs["numeric"][:, i] for i, f in enumerate(rows.schema.numeric)}
    coded = {
        f.name: np.array([None, *f.categories], object)[rows.inputs["categorical"][:, i]]
        for i, f in enumerate(rows.schema.categorical)
    }
    dates = {f.name: decode_dates(rows.inputs["datetime"][:, i]) for i, f in enumerate(rows.schema.datetime)}
    return numeric | coded | dates


def _feature(name: str, column: np.ndarray, kind: str | None, date_format: str | None) -> Feature:
    if kind is None and has_only_missing_dates(column):
        raise DataError(
            f"column '{name}': all values are missing: leave it out, or pass ArrayData(X, y, types={{{name!r}: "
            "'datetime'}) to keep it"
        )
    kind = Kind(kind or _inferred(column, name, date_format))
    if kind is Kind.DATETIME:
        return date_feature(name, column, date_format)
    if kind is not Kind.CATEGORICAL:
        return Feature(name=name, kind=kind)
    column = with_date_texts(column)
    if column.dtype.kind == "O":
        sorts_of(column, f"column '{name}'")
    present = {value for value in column.tolist() if not is_missing(value)}
    return Feature(name=name, kind=kind, categories=tuple(_sorted_labels(present)))


def _inferred(column: np.ndarray, name: str, date_format: str | None) -> Kind:
    if holds_dates(column):
        return Kind.DATETIME
    if column.dtype.kind != "O":
        return Kind.BOOLEAN if column.dtype.kind == "b" else Kind.NUMERIC
    sorts = sorts_of(column, f"column '{name}'")
    if sorts == {"text"}:
        texts = {value for value in column.tolist() if not is_missing(value)}
        if all(text.lower() in BOOLEAN_WORDS for text in texts):
            return Kind.BOOLEAN
        return Kind.DATETIME if are_dates(list(texts), date_format) else Kind.CATEGORICAL
    return Kind.BOOLEAN if sorts == {"boolean"} else Kind.NUMERIC


def _sorted_labels(values: Collection[object]) -> list[str]:
    has_strings = any(isinstance(value, str) for value in values)
    ordered = sorted(values, key=str) if has_strings else sorted(cast("Collection[_Sortable]", values))
    return list(dict.fromkeys(map(label_text, ordered)))


def _floats(column: np.ndarray, feature: Feature) -> np.ndarray:
    if holds_dates(column):
        raise DataError(
            f"column '{feature.name}' has dates, but the feature is {feature.kind}: pass {feature.kind} values"
        )
    values = _parsed(column, feature) if column.dtype.kind == "O" else column.astype(np.float64)
    is_bad, problem = np.isinf(values), "infinite values"
    if feature.kind is Kind.BOOLEAN:
        is_bad, problem = ~(np.isnan(values) | np.isin(values, (0, 1))), "values that are neither true nor false"
    bad = np.flatnonzero(is_bad)
    if bad.size:
        raise DataError(f"column '{feature.name}' has {bad.size} {problem}, the first in row {bad[0]}")
    return values


def _parsed(column: np.ndarray, feature: Feature) -> np.ndarray:
    sorts_of(column, f"column '{feature.name}'")
    is_boolean = feature.kind is Kind.BOOLEAN
    words, problem = (BOOLEAN_WORDS, "neither true nor false") if is_boolean else ({}, "not a number")
    values = np.full(len(column), np.nan)
    for row in np.setdiff1d(np.arange(len(column)), missing_rows(column), assume_unique=True):
        value = column[row]
        number = words.get(value.lower()) if isinstance(value, str) else value
        if number is None:
            raise DataError(f"column '{feature.name}' has {value!r} in row {row}, which is {problem}")
        values[row] = number
    return values


def _codes(column: np.ndarray, categories: Sequence[str]) -> np.ndarray:
    code = {category: place for place, category in enumerate(categories, start=1)}
    return np.array([_code(value, code) for value in with_date_texts(column).tolist()], np.int32)


def _code(value: object, code: Mapping[str, int]) -> int:
    """Return the code of a value; 0 if it is missing or unknown."""
    if isinstance(value, str):
        return code.get(value, 0)
    if is_missing(value):
        return 0
    # A CSV file may write a whole float as 3.0, and a boolean as True; here their texts are 3 and true.
    return code.get(label_text(value), code.get(str(value), 0))
