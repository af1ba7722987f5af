"""The data provider for CSV files."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import attrs
import numpy as np
from attrs.validators import deep_mapping, ge, in_, instance_of, optional

from gm_csv_data.cache.content import content_sha256, sizes
from gm_csv_data.cache.row_cache import RowCache
from gm_csv_data.column import DEFAULT_MISSING
from gm_csv_data.encoding import ColumnRoles, Encoded, encode_like
from gm_csv_data.files.dialect import Dialect
from gm_csv_data.files.source import Source, find_files
from gm_csv_data.number_detection import NumberOptions
from gm_csv_data.number_format import Decimal, Thousands
from gm_csv_data.options import (
    LOCAL,
    is_encoding,
    is_mark,
    is_separator,
    is_size,
    one_or_many,
    paths,
    some,
)
from gm_csv_data.table import Table, read_table
from gmcore.domain import Batch, BatchConfig, Kind, Rows, Schema, Split, SplitConfig
from gmcore.domain.data.date_formats import is_date_format
from gmcore.domain.data.date_recognition import is_new_format
from gmcore.domain.data.row_batches import RowBatches
from gmcore.domain.data.splits import split_rows
from gmcore.domain.sizes import bytes_of
from gmcore.errors import DataError
from gmcore.ports import DataProvider, SupportsRows, SupportsSchema

__all__ = ["CSVDataProvider"]

_TASKS = ("auto", "classification", "regression")
_FORMAT = (
    "separator", "encoding", "quote", "escape", "comment", "header", "names", "skip_rows",
    "decimal", "thousands", "missing", "extra_missing", "date_format",
)  # fmt: skip
_DECIDING = (
    *_FORMAT, "target", "drop", "types", "task", "classes", "group", "time", "weight", "id", "identifiers",
    "drop_missing_target",
)  # fmt: skip
_LARGE = 64 * 10**6

_log = logging.getLogger("gmcore.csv")


@attrs.define(kw_only=True, eq=False)
class CSVDataProvider(DataProvider, SupportsRows, SupportsSchema):
    """Rows from CSV files: numeric, boolean, categorical and datetime features, inferred or given by `types`.

    Attributes:
        path: the file, compressed with gzip or not; or several files with the same columns, as a list or a pattern
            such as `"part-*.csv"`.
        target: the column to predict, or several numeric columns; required for training, not for prediction.
        separator: the character between two fields.
        encoding: the text encoding, by Python's name.
        quote: the character around fields that contain separators; empty for none.
        escape: the character before a literal separator or quote; empty for none.
        comment: the character at the beginning of lines to skip; empty for none.
        header: whether the first record has the column names; `"auto"`: unless `names` are given, with a warning if
            the header looks like data.
        names: the column names, instead of those in the file; without header and names, `column_1`, `column_2` and so
            on.
        skip_rows: number of lines before the header, or before the first row if there is none.
        decimal: the decimal separator. With `"auto"`, that which all numbers fit; once rows are read, the one found,
            so that a saved model reads rows in the same way.
        thousands: the separator between groups of three digits, empty for none; `"auto"` as for `decimal`.
        missing: fields that mean "no value", instead of the default ones; an empty field always does.
        extra_missing: fields that mean "no value" in addition to those of `missing`.
        drop: columns to leave out.
        types: the kinds of columns for which inference is wrong.
        identifiers: whether a column of texts that differ in nearly every row is left out with a note (`"drop"`), is
            an error (`"refuse"`), or is a categorical feature (`"keep"`).
        date_format: the format of dates, such as `"%d.%m.%Y"`, if it is not recognised; of all columns that it fits,
            and for rows to predict instead of the format of the training rows.
        task: the kind of target; with `"auto"`, texts, booleans and few distinct integers that recur are classes,
            other numbers are regression targets.
        classes: the classes in the order of their indices; by default all values that occur, sorted.
        group: the column whose equal values are never split between folds; not a feature.
        time: the column that orders the rows, numbers or dates; not a feature.
        weight: the column of sample weights, which count in the loss, in metrics and in statistics of preprocessing;
            splits, batches and lists of categories count rows. Not a feature.
        id: the column that identifies rows; not a feature. Predictions repeat it, as it is written in the file; rows
            to predict may lack it.
        drop_missing_target: whether rows whose target is missing are left out, with a note, instead of an error.
        validation: the rows used for early stopping in plain training; None for none.
        test: the rows held out from training and validation, chosen before the validation rows; None for none.
        cache: whether rows are cached in memory-mapped files, built once for each content of the files; `"auto"`: if
            the files have 64 MB or more.
        cache_folder: the folder of the cache; by default `$XDG_CACHE_HOME/gmcore`, or `~/.cache/gmcore`.
        cache_limit: largest size of the cache, in bytes or as a string such as `"50 GB"`; the least recently used rows
            are removed first, rows in use never. By default 10 GB or a tenth of the disk, whichever is less.
    """

    path: Path | tuple[Path, ...] = attrs.field(converter=paths, validator=some, metadata=LOCAL)
    target: str | tuple[str, ...] = attrs.field(default=(), converter=one_or_many)
    separator: str = attrs.field(default=",", validator=is_separator)
    encoding: str = attrs.field(default="utf-8", validator=is_encoding)
    quote: str = attrs.field(default='"', validator=is_mark)
    escape: str = attrs.field(default="", validator=is_mark)
    comment: str = attrs.field(default="", validator=is_mark)
    header: bool | Literal["auto"] = attrs.field(default="auto", validator=in_((True, False, "auto")))
    names: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    skip_rows: int = attrs.field(default=0, validator=[instance_of(int), ge(0)])
    decimal: Decimal | Literal["auto"] = attrs.field(default="auto", validator=in_(("auto", *get_args(Decimal))))
    thousands: Thousands | Literal["auto"] = attrs.field(default="auto", validator=in_(("auto", *get_args(Thousands))))
    missing: tuple[str, ...] = attrs.field(default=DEFAULT_MISSING, converter=tuple)
    extra_missing: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    drop: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    types: Mapping[str, Literal["numeric", "categorical", "boolean", "datetime"]] = attrs.field(
        factory=dict, validator=deep_mapping(instance_of(str), in_(tuple(map(str, Kind))))
    )
    identifiers: Literal["drop", "refuse", "keep"] = attrs.field(
        default="drop", validator=in_(("drop", "refuse", "keep"))
    )
    date_format: str | None = attrs.field(default=None, validator=is_date_format)
    task: Literal["auto", "classification", "regression"] = attrs.field(default="auto", validator=in_(_TASKS))
    classes: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    id: str | None = None
    drop_missing_target: bool = attrs.field(default=False, validator=instance_of(bool))
    validation: SplitConfig | None = attrs.field(factory=SplitConfig, validator=optional(instance_of(SplitConfig)))
    test: SplitConfig | None = attrs.field(default=None, validator=optional(instance_of(SplitConfig)))
    cache: bool | Literal["auto"] = attrs.field(default="auto", validator=in_((True, False, "auto")))
    cache_folder: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path), metadata=LOCAL)
    cache_limit: int | str | None = attrs.field(default=None, validator=is_size, metadata=LOCAL)
    _rows: Rows | None = attrs.field(init=False, default=None)
    _split: Split | None = attrs.field(init=False, default=None)
    _columns: tuple[str, ...] = attrs.field(init=False, default=())
    _sha256: str | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Check that the options are consistent."""
        roles = [*self._targets, *self._roles.extras, *self.drop]
        twice = next((name for name in roles if roles.count(name) > 1), None)
        if twice is not None:
            raise ValueError(
                f"a column can have only one role, got '{twice}' more than once in target, group, time, weight, id and "
                "drop"
            )
        misplaced = next((name for name in self.types if name in roles), None)
        if misplaced is not None:
            raise ValueError(f"types are only for features, got '{misplaced}'; for a target, set task")
        if self.task == "regression" and self.classes:
            raise ValueError(f"classes must be empty for task = 'regression', got {', '.join(map(repr, self.classes))}")
        if len(self._targets) > 1 and (self.task == "classification" or self.classes):
            raise ValueError(f"classification needs one target column, got {', '.join(map(repr, self._targets))}")
        marks = [mark for mark in (self.separator, self.quote, self.escape, self.comment) if mark]
        if len(set(marks)) < len(marks):
            raise ValueError(f"separator, quote, escape and comment must differ, got {', '.join(map(repr, marks))}")
        if self.decimal == self.thousands != "auto":
            raise ValueError(f"decimal and thousands must differ, got {self.decimal!r} for both")

    @property
    def schema(self) -> Schema:
        return self.rows().schema

    @property
    def metadata(self) -> Mapping[str, object]:
        count, source = len(self.rows()), self._source()
        if self._sha256 is None:
            self._sha256 = content_sha256(source, self._cache(source).memory)
        return {"source": source.name, "rows": count, "sha256": self._sha256, "columns": self._columns}

    def rows(self) -> Rows:
        if self._rows is None:
            if not self._targets:
                raise DataError(f"{self._source().name}: no target is given; set target = 'column to predict'")
            roles = self._roles
            options = {name: getattr(self, name) for name in _DECIDING}
            encoded = self._read(options, roles.texts, roles.encode, self.id)
            self._rows, self._columns = encoded.rows, encoded.columns
            if encoded.numbers is not None and self.decimal == "auto":
                # A saved model stores these options: its rows must not be read in another format.
                self.decimal = encoded.numbers.decimal
                self.thousands = encoded.numbers.thousands or self.thousands
            if is_new_format(self.date_format, encoded.rows.schema.features):
                # Only the time column has it: features of new rows are read in their own formats.
                self.date_format = None
        return self._rows

    def rows_like(self, schema: Schema) -> Rows:
        texts = [feature.name for feature in schema.features if feature.kind is not Kind.NUMERIC]
        texts += [] if schema.id is None else [schema.id]
        numbers = NumberOptions(decimal=self.decimal, thousands=self.thousands)

        def encode(table: Table, empty: Callable[..., np.ndarray]) -> Encoded:
            return encode_like(table, schema, empty, numbers, self.date_format)

        options = {name: getattr(self, name) for name in _FORMAT}
        return self._read({**options, "like": attrs.asdict(schema)}, texts, encode, schema.id).rows

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
    def _roles(self) -> ColumnRoles:
        return ColumnRoles(
            targets=self._targets,
            group=self.group,
            time=self.time,
            weight=self.weight,
            id=self.id,
            drop=self.drop,
            types=self.types,
            task=self.task,
            classes=self.classes,
            identifiers=self.identifiers,
            date_format=self.date_format,
            drop_missing_target=self.drop_missing_target,
            number_options=NumberOptions(decimal=self.decimal, thousands=self.thousands),
        )

    def _source(self) -> Source:
        fields = [field.name for field in attrs.fields(Dialect)]
        return find_files(self.path, Dialect(**{name: getattr(self, name) for name in fields}))

    def _cache(self, source: Source) -> RowCache:
        wanted = sizes(source) >= _LARGE if self.cache == "auto" else self.cache
        limit = None if self.cache_limit is None else bytes_of(self.cache_limit)
        return RowCache(folder=self.cache_folder, wanted=wanted, needed=self.cache is True, limit=limit)

    def _read(
        self,
        options: Mapping[str, object],
        texts: Iterable[str],
        encode: Callable[[Table, Callable[..., np.ndarray]], Encoded],
        ids: str | None,
    ) -> Encoded:
        """Return the rows, cached if that is enabled, and show the notes about them.

        Args:
            options: the options that the rows depend on.
            texts: columns to read as text.
            encode: makes rows from a table and a function that allocates arrays.
            ids: the column that identifies rows, which is read as it is written.
        """
        source = self._source()
        missing = (*self.missing, *self.extra_missing)
        read = partial(
            read_table, source, missing=missing, texts=frozenset(texts), verbatim=() if ids is None else (ids,)
        )
        encoded = self._cache(source).rows(source, options, read, encode)
        for note in encoded.notes:
            _log.warning("%s", note)
        return encoded
