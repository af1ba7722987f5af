"""Rows from one CSV file."""

import codecs
import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

import attrs
from attrs.validators import deep_mapping, in_, instance_of, optional

from gm_csv_data.column import Column
from gm_csv_data.delimited_file import DelimitedFile
from gm_csv_data.features import encode_features, infer_feature
from gm_csv_data.table import read_table
from gm_csv_data.target import encode_target
from gmcore.domain import Batch, BatchConfig, Kind, Rows, Schema, Split, SplitConfig
from gmcore.domain.row_batches import RowBatches
from gmcore.domain.splits import split_rows
from gmcore.errors import DataError, did_you_mean
from gmcore.ports import DataProvider, SupportsRows, SupportsSchema

__all__ = ["CSVDataProvider"]

_MISSING = ("", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NULL", "null", "None", "?")
_TASKS = ("auto", "classification", "regression")


def _one_character(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    if len(value) != 1 or not value.isascii() or value.isalnum() or value in '"\r\n.+-':
        raise ValueError(f"{attribute.name} must be one ASCII character that is no part of a number, got {value!r}")


def _known_encoding(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    try:
        codecs.lookup(value)
    except LookupError as error:
        known = "one that Python knows, such as 'utf-8' or 'latin-1'"
        raise ValueError(f"{attribute.name} must be {known}, got {value!r}") from error


def _one_or_many(value: str | Iterable[str]) -> str | tuple[str, ...]:
    return value if isinstance(value, str) else tuple(value)


@attrs.define(kw_only=True, eq=False)
class CSVDataProvider(DataProvider, SupportsRows, SupportsSchema):
    """Rows from one CSV file: numbers, booleans and categories, by inference or as `types` says.

    Attributes:
        path: the file; compressed by gzip or not.
        target: the column to predict, or several numeric ones; needed to learn, not to predict.
        separator: between two fields.
        encoding: of the text, by Python's name.
        missing: fields that mean "no value", in place of the usual ones; an empty field always does.
        drop: columns to leave out.
        types: what a column is, where inference is wrong.
        task: what the target is; `"auto"`: texts, booleans and few whole numbers that recur are
            classes, other numbers are values.
        classes: the classes in the order of their indices; without it those there are, sorted.
        group: the column whose equal values must not be split between folds; no feature.
        time: the column that orders the rows, numbers or ISO dates; no feature.
        weight: the column that says how much each row counts; no feature.
        validation: which rows steer early stopping in plain training; None for none.
        test: which rows nothing sees, held out before the validation rows; None for none.
    """

    path: Path = attrs.field(converter=Path)
    target: str | tuple[str, ...] = attrs.field(default=(), converter=_one_or_many)
    separator: str = attrs.field(default=",", validator=_one_character)
    encoding: str = attrs.field(default="utf-8", validator=_known_encoding)
    missing: tuple[str, ...] = attrs.field(default=_MISSING, converter=tuple)
    drop: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    types: Mapping[str, Literal["numeric", "categorical", "boolean"]] = attrs.field(
        factory=dict, validator=deep_mapping(instance_of(str), in_(tuple(map(str, Kind))))
    )
    task: Literal["auto", "classification", "regression"] = attrs.field(default="auto", validator=in_(_TASKS))
    classes: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    validation: SplitConfig | None = attrs.field(factory=SplitConfig, validator=optional(instance_of(SplitConfig)))
    test: SplitConfig | None = attrs.field(default=None, validator=optional(instance_of(SplitConfig)))
    _rows: Rows | None = attrs.field(init=False, default=None)
    _split: Split | None = attrs.field(init=False, default=None)
    _columns: tuple[str, ...] = attrs.field(init=False, default=())
    _sha256: str | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Check that the options go together."""
        roles = [*self._targets, *self._extras, *self.drop]
        twice = next((name for name in roles if roles.count(name) > 1), None)
        if twice is not None:
            raise ValueError(
                f"a column has one role, got '{twice}' more than once in target, group, time, weight and drop"
            )
        misplaced = next((name for name in self.types if name in roles), None)
        if misplaced is not None:
            raise ValueError(f"types are for features, got '{misplaced}'; what a target is, task says")
        if self.task == "regression" and self.classes:
            raise ValueError(f"task = 'regression' has no classes, got {', '.join(map(repr, self.classes))}")
        if len(self._targets) > 1 and (self.task == "classification" or self.classes):
            raise ValueError(f"classes are in one target column, got {', '.join(map(repr, self._targets))}")

    @property
    def schema(self) -> Schema:
        return self.rows().schema

    @property
    def metadata(self) -> Mapping[str, object]:
        count = len(self.rows())
        if self._sha256 is None:
            with self.path.open("rb") as file:
                self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"source": str(self.path), "rows": count, "sha256": self._sha256, "columns": self._columns}

    def rows(self) -> Rows:
        if self._rows is None:
            self._rows = self._read()
        return self._rows

    def rows_like(self, schema: Schema) -> Rows:
        texts = [feature.name for feature in schema.features if feature.kind is not Kind.NUMERIC]
        columns = self._read_columns(texts, needed=[feature.name for feature in schema.features])
        return Rows(schema=schema, inputs=encode_features(columns, schema.features))

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
        pass

    @property
    def _targets(self) -> tuple[str, ...]:
        return (self.target,) if isinstance(self.target, str) else self.target

    @property
    def _extras(self) -> list[str]:
        return [name for name in (self.group, self.time, self.weight) if name is not None]

    def _read(self) -> Rows:
        if not self._targets:
            raise DataError(f"{self.path}: which column is to be predicted? say target = 'its name'")
        other = [*self._targets, *self._extras, *self.drop]
        columns = self._read_columns(self._texts(), needed=[*other, *self.types])
        self._columns = tuple(columns)
        named = [column for name, column in columns.items() if name not in other]
        if not named:
            raise DataError(f"{self.path} has no column to learn from beside {', '.join(map(repr, other))}")
        if any(not column.name for column in named):
            raise DataError(
                f"{self.path}: column {1 + self._columns.index('')} has no name; name it or say drop = ['']"
            )
        target, targets = encode_target([columns[name] for name in self._targets], task=self.task, classes=self.classes)
        features = tuple(infer_feature(column, self.types.get(column.name)) for column in named)
        return Rows(
            schema=Schema(features=features, target=target, group=self.group, time=self.time),
            inputs=encode_features(columns, features),
            targets=targets,
            weights=None if self.weight is None else columns[self.weight].weights(),
            groups=None if self.group is None else columns[self.group].groups(),
            time=None if self.time is None else columns[self.time].instants(),
        )

    def _texts(self) -> list[str]:
        """Return the columns whose fields matter as they are written."""
        written = [name for name in (self.group, self.time) if name is not None]
        written += [name for name, kind in self.types.items() if kind != "numeric"]
        return written if self.task == "regression" else [*written, *self._targets]

    def _read_columns(self, texts: Collection[str], *, needed: Iterable[str]) -> dict[str, Column]:
        """Return the file's columns by name, `needed` among them."""
        file = DelimitedFile(path=self.path, separator=self.separator, encoding=codecs.lookup(self.encoding).name)
        frame = read_table(file, missing=self.missing, texts=texts)
        absent = [name for name in needed if name not in frame.columns]
        if absent:
            found = "; ".join(f"there is no column '{name}'{did_you_mean(name, frame.columns)}" for name in absent)
            raise DataError(f"{self.path}: {found}")
        return {series.name: Column(series, file) for series in frame}
