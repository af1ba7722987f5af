"""Data provider: rows in memory, from arrays, columns or data frames."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

import attrs
import numpy as np
from attrs.validators import deep_mapping, in_, instance_of, optional

from gmcore.builtins.columns import categorical_columns, has_names, name_columns
from gmcore.builtins.encoding import decode_inputs, encode_inputs, infer_features
from gmcore.builtins.present import check_length, group_codes, row_times, row_weights
from gmcore.builtins.targets import Task, encode_target
from gmcore.builtins.tensors import describe_tensors, separate_tensors, tensors_like
from gmcore.domain import Batch, BatchConfig, Kind, Rows, Schema, Split, SplitConfig
from gmcore.domain.data.date_formats import is_date_format
from gmcore.domain.data.date_recognition import refuse_unused
from gmcore.domain.data.row_batches import RowBatches
from gmcore.domain.data.splits import split_rows
from gmcore.errors import DataError
from gmcore.ports import DataProvider, SupportsRows, SupportsSchema

__all__ = ["ArrayData"]

_ROWS_PER_UPDATE = 65_536


@attrs.define(eq=False)
class ArrayData(DataProvider, SupportsRows, SupportsSchema):
    """Rows from arrays, columns or data frames.

    Strings, booleans and categorical columns in `y` are classes, in sorted order. So are two different integers, up to
    20 integers that occur twice on average, and two floats that do; other numbers are values to predict. `task`
    overrides that. Classes are predicted in the dtype of `y`. Strings and categorical columns in `X` are categories;
    the strings true, false, yes and no are booleans. Dates of any type, and strings of dates in one format, are dates;
    those with a time zone are converted to UTC, others are taken as UTC, and fractions of a second are dropped. None,
    NaN, NaT, pandas' NA and masked values are missing.

    Attributes:
        X: `(rows, features)`; a mapping from name to column; a pandas or polars data frame; or
            `Rows`, which provide everything but the splits. An array of more dimensions, such as images
            `(rows, height, width, channels)`, is one tensor; in a mapping, so are arrays `(rows, …)` of two or more.
        y: `(rows,)`, or `(rows, targets)` of numbers; or `(rows, *shape, targets)`, such as several numbers at each of
            some steps; None for rows to predict.
        task: `"classification"`, for `y` of `(rows, *shape)`, a class at each place; `"multilabel"` for labels that
            each row has or not, `(rows, labels)` of 0 and 1; `"regression"`; or `"auto"`: by the type and the values of
            `y`, of which columns of booleans are labels.
        axes: names of the axes of each tensor, by its name, or of the only one; by default `("height", "width",
            "channel")` for three and `("time", "channel")` for two.
        feature_names: names of an array's columns; by default `x0`, `x1` …
        target_names: names of the target columns; by default `target`, or `y0`, `y1` …
        classes: the classes in the order of their indices; by default those in `y`, sorted.
        types: the kinds of columns that are to be treated otherwise than inferred, by name: `"numeric"`,
            `"categorical"`, `"boolean"` or `"datetime"`.
        date_format: the format of dates in strings, such as `"%d.%m.%Y"`, if it is not recognised; of all columns
            that it fits, and for rows to predict instead of the format of the training rows.
        groups: `(rows,)`, equal for rows that must stay together.
        time: `(rows,)`, numbers, dates, or strings of dates in one format.
        weights: `(rows,)`, the weight of each row, which counts in the loss, in metrics and in statistics of
            preprocessing; splits, batches and lists of categories count rows.
        validation: how to hold out the rows for early stopping in plain training; None for none.
        test: how to hold out test rows, before the validation rows; None for none.
    """

    X: object = attrs.field(repr=False)
    y: object = attrs.field(default=None, repr=False)
    task: Task = attrs.field(default="auto", kw_only=True, validator=in_(get_args(Task)))
    axes: Mapping[str, Sequence[str]] | Sequence[str] = attrs.field(default=(), kw_only=True)
    feature_names: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=tuple)
    target_names: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=tuple)
    classes: tuple[str | float, ...] = attrs.field(default=(), kw_only=True, converter=tuple)
    types: Mapping[str, Literal["numeric", "categorical", "boolean", "datetime"]] = attrs.field(
        factory=dict, kw_only=True, validator=deep_mapping(instance_of(str), in_(tuple(map(str, Kind))))
    )
    date_format: str | None = attrs.field(default=None, kw_only=True, validator=is_date_format)
    groups: object = attrs.field(default=None, kw_only=True, repr=False)
    time: object = attrs.field(default=None, kw_only=True, repr=False)
    weights: object = attrs.field(default=None, kw_only=True, repr=False)
    validation: SplitConfig | None = attrs.field(
        factory=SplitConfig, kw_only=True, validator=optional(instance_of(SplitConfig))
    )
    test: SplitConfig | None = attrs.field(default=None, kw_only=True, validator=optional(instance_of(SplitConfig)))
    _rows: Rows | None = attrs.field(init=False, default=None)
    _split: Split | None = attrs.field(init=False, default=None, repr=False)

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
        tensors, rest = tensors_like(self.X, schema) if schema.tensors else ({}, self.X)
        columns: Mapping[str, np.ndarray] = {}
        if schema.features:
            columns = decode_inputs(rest) if isinstance(rest, Rows) else self._columns_of(rest, schema)
        return Rows(schema=schema, inputs=encode_inputs(columns, schema.features, self.date_format) | tensors)

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
        # Frees the copy of a view, which can be gathered again: there may be many sequences.
        self._rows = None

    def _encoded(self) -> Rows:
        if self.y is None:
            raise DataError("these rows have no targets: pass y to train on them")
        tensors, rest = separate_tensors(self.X)
        described = describe_tensors(tensors, self.axes)
        columns = {} if rest is None and tensors else name_columns(rest, self.feature_names)
        types = dict.fromkeys(categorical_columns(rest) if columns else (), "categorical") | dict(self.types)
        features = infer_features(columns, types, self.date_format)
        target, targets = encode_target(self.y, self.task, self.target_names, self.classes)
        count = len(next(iter((columns or tensors).values())))
        for name, tensor in tensors.items():
            check_length(f"the tensor '{name}'", tensor, count)
        check_length("y", targets, count)
        time, time_format = (None, None) if self.time is None else row_times(self.time, count, self.date_format)
        if self.date_format is not None:
            refuse_unused(self.date_format, features, "time", time_format)
        return Rows(
            schema=Schema(
                features=features,
                tensors=described,
                target=target,
                group=None if self.groups is None else "groups",
                time=None if self.time is None else "time",
            ),
            inputs=encode_inputs(columns, features) | tensors,
            targets=targets,
            weights=None if self.weights is None else row_weights(self.weights, count),
            groups=None if self.groups is None else group_codes(self.groups, count),
            time=time,
        )

    def _columns_of(self, x: object, schema: Schema) -> dict[str, np.ndarray]:
        """Return the columns by name; those of an array without names are the schema's features, by position."""
        columns = name_columns(x, self.feature_names)
        if self.feature_names or has_names(x):
            return columns
        names = [feature.name for feature in schema.features]
        if len(columns) != len(names):
            raise DataError(f"X must have {len(names)} features, got {len(columns)}: {', '.join(names)}")
        return dict(zip(names, columns.values(), strict=True))


def _sha256(rows: Rows) -> str:
    digest = hashlib.sha256(repr(attrs.asdict(rows.schema)).encode())
    inputs = {name: windows.series for name, windows in rows.windowed.items()}
    inputs |= {f"{name}.starts": windows.starts for name, windows in rows.windowed.items()}
    inputs = {name: column for name, column in rows.inputs.items() if name not in inputs} | inputs
    columns = [*inputs.values(), rows.targets, rows.weights, rows.groups, rows.time]
    for column in columns:
        if column is not None:
            digest.update(f"{column.dtype.str}{column.shape}".encode())
            for start in range(0, len(column), _ROWS_PER_UPDATE):
                digest.update(np.ascontiguousarray(column[start : start + _ROWS_PER_UPDATE]).tobytes())
    return digest.hexdigest()
