"""Encoding of a table as rows: the roles of columns, and what was found in them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Literal, TypeVar

import attrs
import numpy as np

from gm_csv_data.features import date_hint, encode_features, infer_feature, is_identifier
from gm_csv_data.number_detection import NumberOptions, read_numbers
from gm_csv_data.number_format import PLAIN, NumberFormat
from gm_csv_data.problems import Problems
from gm_csv_data.row_ids import ids_of
from gm_csv_data.table import Table
from gm_csv_data.target import encode_target, with_targets
from gm_csv_data.times import encode_times
from gmcore.domain import Feature, Kind, Rows, Schema, Target
from gmcore.domain.data.date_recognition import refuse_unused
from gmcore.errors import DataError, did_you_mean

__all__ = ["ColumnRoles", "Encoded", "encode_like"]

T = TypeVar("T")
Allocate = Callable[..., np.ndarray]
"""A function that allocates an array, as `numpy.empty` does."""


@attrs.frozen(kw_only=True, eq=False)
class Encoded:
    """Rows, and what was found in the files.

    Attributes:
        rows: the rows.
        columns: the names of all columns.
        numbers: how numbers are written; None if the files have none with a decimal or thousands separator.
        notes: messages for the user about what was found.
    """

    rows: Rows
    columns: tuple[str, ...]
    numbers: NumberFormat | None = None
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ColumnRoles:
    """What columns are used for; the attributes are options of `CSVDataProvider`."""

    targets: tuple[str, ...]
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    id: str | None = None
    drop: tuple[str, ...] = ()
    types: Mapping[str, str] = attrs.field(factory=dict)
    task: str = "auto"
    classes: tuple[str, ...] = ()
    identifiers: Literal["drop", "refuse", "keep"] = "drop"
    date_format: str | None = None
    drop_missing_target: bool = False
    number_options: NumberOptions = attrs.field(factory=NumberOptions)

    @property
    def extras(self) -> list[str]:
        """The group, time, weight and id columns."""
        return [name for name in (self.group, self.time, self.weight, self.id) if name is not None]

    @property
    def texts(self) -> list[str]:
        """The columns to read as text."""
        written = [name for name in (self.group, self.time, self.id) if name is not None]
        written += [name for name, kind in self.types.items() if kind != "numeric"]
        return written if self.task == "regression" else [*written, *self.targets]

    def encode(self, table: Table, empty: Allocate) -> Encoded:
        """Return the rows of a table, for training.

        Raises:
            DataError: with all problems of its columns.
        """
        other = [*self.targets, *self.extras, *self.drop]
        _need(table, [*other, *self.types])
        problems, notes = Problems(), [text for file in table.source.files if (text := table.header.warning(file))][:1]
        if self.drop_missing_target:
            table = with_targets(table, self.targets, notes)
        table = read_numbers(table, self._measured(table), self.number_options)
        named = self._named(table, [name for name in table if name not in other], problems, notes)
        problems.refuse(table.source.name)
        if not named:
            left_out = "".join(f"\n  {note}" for note in notes)
            raise DataError(
                f"{table.source.name} has no feature columns besides {', '.join(map(repr, other))}{left_out}"
            )
        target = _tried(problems, partial(self._target, table))
        inferred = [_tried(problems, partial(self._feature, table, name)) for name in named]
        weights = _tried(problems, partial(self._weights, table))
        groups = _tried(problems, partial(self._groups, table))
        time, time_format = _tried(problems, partial(self._time, table)) or (None, None)
        ids = _tried(problems, partial(self._ids, table, notes))
        features = tuple(feature for feature in inferred if feature is not None)
        inputs = encode_features(table, features, empty, problems)
        if self.date_format is not None and not problems.texts:
            refuse_unused(self.date_format, features, self.time or "", time_format, f"{table.source.name}: ")
        notes += [str(table[f.name].error(hint)) for f in features if (hint := self._date_hint(table, f))]
        problems.refuse(table.source.name)
        assert target is not None  # noqa: S101 - or there was a problem
        return Encoded(
            rows=Rows(
                schema=Schema(features=features, target=target[0], group=self.group, time=self.time, id=self.id),
                inputs=inputs,
                targets=target[1],
                weights=weights,
                groups=groups,
                time=time,
                ids=ids,
            ),
            columns=table.names,
            numbers=_found_numbers(table, self._measured(table)),
            notes=(*notes, *_number_notes(table, self.number_options)),
        )

    def _target(self, table: Table) -> tuple[Target, np.ndarray]:
        return encode_target([table[name] for name in self.targets], self.task, self.classes)

    def _feature(self, table: Table, name: str) -> Feature:
        return infer_feature(table[name], self.types.get(name), self.date_format)

    def _weights(self, table: Table) -> np.ndarray | None:
        return None if self.weight is None else table[self.weight].weights()

    def _groups(self, table: Table) -> np.ndarray | None:
        return None if self.group is None else table[self.group].groups()

    def _date_hint(self, table: Table, feature: Feature) -> str:
        inferred = feature.kind is Kind.CATEGORICAL and feature.name not in self.types
        return date_hint(table[feature.name]) if inferred else ""

    def _time(self, table: Table) -> tuple[np.ndarray | None, str | None]:
        return (None, None) if self.time is None else encode_times(table[self.time], self.date_format)

    def _ids(self, table: Table, notes: list[str]) -> np.ndarray | None:
        return None if self.id is None else ids_of(table[self.id], notes)

    def _measured(self, table: Table) -> list[str]:
        """Return the columns that may hold numbers."""
        other = {
            self.group,
            self.time,
            self.id,
            *self.drop,
            *(name for name, kind in self.types.items() if kind != "numeric"),
        }
        if self.task == "classification" or self.classes:
            other |= set(self.targets)
        return [name for name in table if name not in other]

    def _named(self, table: Table, names: Iterable[str], problems: Problems, notes: list[str]) -> list[str]:
        """Return the names of the features: without identifiers and the empty column after trailing separators."""
        kept = []
        for name in names:
            if name == "":
                if name != table.names[-1] or table[name].values.null_count() < table.height:
                    number = 1 + table.names.index("")
                    problems.texts.append(
                        f"{table.source.name}: column {number} has no name; name it, or set drop = ['']"
                    )
            elif self.identifiers == "keep" or name in self.types or not is_identifier(table[name], self.date_format):
                kept.append(name)
            else:
                column = table[name]
                count, remedy = column.values.n_unique(), f"types = {{ '{name}' = 'categorical' }}"
                found = f"{count:,} different texts in {table.height:,} rows look like identifiers"
                hint = date_hint(column)
                hint = hint and f"; {hint}"
                with problems.collected():
                    if self.identifiers == "refuse":
                        raise column.error(f"{found}; set drop = ['{name}'], or {remedy}{hint}")
                left_out = f"{found}, so the column is left out; {remedy} keeps it{hint}"
                notes.append(str(column.error(left_out)))
        return kept


def encode_like(
    table: Table, schema: Schema, empty: Allocate, options: NumberOptions, date_format: str | None = None
) -> Encoded:
    """Return the rows of a table with the features of a schema, for prediction.

    Raises:
        DataError: with all problems of its columns.
    """
    _need(table, [feature.name for feature in schema.features])
    numeric = [feature.name for feature in schema.features if feature.kind is Kind.NUMERIC]
    table = read_numbers(table, numeric, options)
    problems = Problems()
    inputs = encode_features(table, schema.features, empty, problems, date_format)
    ids = _tried(problems, table[schema.id].ids) if schema.id is not None and schema.id in table else None
    problems.refuse(table.source.name)
    return Encoded(
        rows=Rows(schema=schema, inputs=inputs, ids=ids),
        columns=table.names,
        notes=tuple(_number_notes(table, options)),
    )


def _tried(problems: Problems, make: Callable[[], T]) -> T | None:
    """Return what a function returns, or None if it raises a `DataError`, which is collected."""
    with problems.collected():
        return make()
    return None


def _need(table: Table, names: Iterable[str]) -> None:
    """Raise `DataError` if columns are absent."""
    absent = [name for name in names if name not in table.names]
    if absent:
        found = "; ".join(f"there is no column '{name}'{did_you_mean(name, table.names)}" for name in absent)
        raise DataError(f"{table.source.name}: {found}{table.header.hint}")


def _found_numbers(table: Table, names: Sequence[str]) -> NumberFormat | None:
    written = table.numbers != PLAIN or any(table.types[name].is_float() for name in names)
    return table.numbers if written else None


def _number_notes(table: Table, options: NumberOptions) -> Iterable[str]:
    given = NumberOptions(decimal=table.numbers.decimal, thousands=table.numbers.thousands)
    if table.numbers != PLAIN and given != options and options.decimal == "auto":
        yield f"{table.source.name}: numbers are read with {table.numbers}; set decimal and thousands to change that"
