"""Data provider: rows that are in memory already."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import deep_mapping, in_, instance_of, optional

from gmcore.builtins.encoding import (
    Task,
    decode_inputs,
    encode_inputs,
    encode_target,
    infer_features,
    name_columns,
)
from gmcore.domain import Batch, BatchConfig, Kind, Rows, Schema, Split, SplitConfig
from gmcore.domain.row_batches import RowBatches
from gmcore.domain.splits import split_rows
from gmcore.errors import DataError
from gmcore.ports import DataProvider, SupportsRows, SupportsSchema

__all__ = ["ArrayData"]

_HASHED_AT_ONCE = 65_536


@attrs.define(eq=False)
class ArrayData(DataProvider, SupportsRows, SupportsSchema):
    """Rows from arrays, columns or data frames.

    Texts, booleans and whole numbers in `y` are classes, in sorted order; floats are values to
    predict; `task` overrides that. In `X`, texts are categories.

    Attributes:
        X: `(rows, features)`; a mapping from name to column; a pandas or polars data frame; or
            `Rows`, which bring everything but the splits with them.
        y: `(rows,)`, or `(rows, targets)` of numbers; None for rows to predict.
        task: `"classification"`, `"regression"`, or `"auto"`: by the type of `y`.
        feature_names: of an array's columns; `x0`, `x1` … without.
        target_names: of the target columns; `target`, or `y0`, `y1` …, without.
        classes: the classes in the order of their indices; without it those there are, sorted.
        types: columns that are not what they look like: `"numeric"`, `"categorical"` or `"boolean"`, by name.
        groups: `(rows,)`, equal where rows belong together.
        time: `(rows,)`, numbers, dates or texts that sort by time.
        weights: `(rows,)`, how much each row counts.
        validation: which rows steer early stopping in plain training; None for none.
        test: which rows nothing sees, held out before the validation rows; None for none.
    """

    X: Any
    y: Any = None
    task: Task = attrs.field(default="auto", kw_only=True, validator=in_(("auto", "classification", "regression")))
    feature_names: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=tuple)
    target_names: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=tuple)
    classes: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=tuple)
    types: Mapping[str, Literal["numeric", "categorical", "boolean"]] = attrs.field(
        factory=dict, kw_only=True, validator=deep_mapping(instance_of(str), in_(tuple(map(str, Kind))))
    )
    groups: Any = attrs.field(default=None, kw_only=True)
    time: Any = attrs.field(default=None, kw_only=True)
    weights: Any = attrs.field(default=None, kw_only=True)
    validation: SplitConfig | None = attrs.field(
        factory=SplitConfig, kw_only=True, validator=optional(instance_of(SplitConfig))
    )
    test: SplitConfig | None = attrs.field(default=None, kw_only=True, validator=optional(instance_of(SplitConfig)))
    _rows: Rows | None = attrs.field(init=False, default=None)
    _split: Split | None = attrs.field(init=False, default=None)

    @property
    def schema(self) -> Schema:
        return self.rows().schema

    @property
    def metadata(self) -> Mapping[str, object]:
        return {"source": "arrays", "rows": len(self.rows()), "sha256": _sha256(self.rows())}

    def rows(self) -> Rows:
        if self._rows is None:
            self._rows = self.X.gathered() if isinstance(self.X, Rows) else self._encoded()
        return self._rows

    def rows_like(self, schema: Schema) -> Rows:
        if isinstance(self.X, Rows):
            columns = decode_inputs(self.X)
        else:
            columns = name_columns(self.X, self.feature_names or self._names_in(schema))
        return Rows(schema=schema, inputs=encode_inputs(columns, schema.features))

    def split(self) -> Split:
        if self._split is None:
            self._split = split_rows(self.rows(), validation=self.validation, test=self.test)
        return self._split

    def training_batches(self, config: BatchConfig) -> Iterable[Batch]:
        return RowBatches(self.rows(), self.split().train, config)

    def validation_batches(self, config: BatchConfig) -> Iterable[Batch]:
        config = attrs.evolve(config, shuffle=False, drop_last=False)
        return RowBatches(self.rows(), self.split().validation, config)

    def close(self) -> None:
        # A view can be gathered again; sequences of rows are many.
        self._rows = None

    def _encoded(self) -> Rows:
        if self.y is None:
            raise DataError("these rows have no targets: pass y to learn from them")
        columns = name_columns(self.X, self.feature_names)
        features = infer_features(columns, self.types)
        target, targets = encode_target(self.y, self.task, self.target_names, self.classes)
        count = len(next(iter(columns.values())))
        _check_length("y", targets, count)
        return Rows(
            schema=Schema(
                features=features,
                target=target,
                group=None if self.groups is None else "groups",
                time=None if self.time is None else "time",
            ),
            inputs=encode_inputs(columns, features),
            targets=targets,
            weights=None if self.weights is None else _weights(self.weights, count),
            groups=None if self.groups is None else _groups(self.groups, count),
            time=None if self.time is None else _time(self.time, count),
        )

    def _names_in(self, schema: Schema) -> tuple[str, ...]:
        """Return the schema's names for an array without any, whose columns are known by their place."""
        shape = np.shape(self.X) if isinstance(self.X, np.ndarray | list | tuple) else ()
        names = tuple(feature.name for feature in schema.features)
        if len(shape) == 2 and shape[1] != len(names):  # noqa: PLR2004 - rows and features
            raise DataError(f"X must have {len(names)} features, got {shape[1]}: {', '.join(names)}")
        return names if shape else ()


def _check_length(name: str, column: np.ndarray, count: int) -> None:
    if column.ndim < 1 or len(column) != count:
        raise DataError(f"X has {count} rows and {name} has {len(column) if column.ndim else 'none'}")


def _present(name: str, values: Any, count: int) -> np.ndarray:
    """Return one value a row, in a type that sorts."""
    column = np.asarray(values)
    _check_length(name, column, count)
    if column.ndim != 1:
        raise DataError(f"{name} must have one dimension, got shape {column.shape}")
    missing = [row for row, value in enumerate(column.tolist()) if value is None or value != value]  # noqa: PLR0124
    if missing:
        raise DataError(f"{name} has no value in {len(missing)} rows, the first is row {missing[0]}")
    return np.array(column.tolist()) if column.dtype.kind == "O" else column


def _weights(values: Any, count: int) -> np.ndarray:
    try:
        weights = _present("weights", values, count).astype(np.float64)
    except ValueError as error:
        raise DataError(f"weights must be numbers: {error}") from error
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        raise DataError(f"weights must be finite and not negative, got {weights[bad[0]]} in row {bad[0]}")
    if not weights.any():
        raise DataError("every row has weight 0")
    return weights


def _groups(values: Any, count: int) -> np.ndarray:
    return np.unique(_present("groups", values, count), return_inverse=True)[1].astype(np.int64)


def _time(values: Any, count: int) -> np.ndarray:
    times = _present("time", values, count)
    return np.array(times.tolist(), "datetime64[us]") if times.dtype.kind == "O" else times


def _sha256(rows: Rows) -> str:
    digest = hashlib.sha256(repr(rows.schema).encode())
    columns = [*rows.inputs.values(), rows.targets, rows.weights, rows.groups, rows.time]
    for column in columns:
        if column is not None:
            digest.update(f"{column.dtype.str}{column.shape}".encode())
            for start in range(0, len(column), _HASHED_AT_ONCE):
                digest.update(np.ascontiguousarray(column[start : start + _HASHED_AT_ONCE]).tobytes())
    return digest.hexdigest()
