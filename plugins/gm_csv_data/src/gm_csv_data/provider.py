"""The data provider for CSV files."""

import codecs
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
from attrs.validators import deep_mapping, in_, instance_of, optional

from gm_csv_data.cache import RowCache
from gm_csv_data.content import content_sha256, sizes
from gm_csv_data.features import encode_features, infer_feature
from gm_csv_data.source import Source, find_files
from gm_csv_data.table import Table, read_table
from gm_csv_data.target import encode_target
from gmcore.domain import Batch, BatchConfig, Kind, Rows, Schema, Split, SplitConfig
from gmcore.domain.data.row_batches import RowBatches
from gmcore.domain.data.splits import split_rows
from gmcore.domain.sizes import bytes_of
from gmcore.errors import DataError, did_you_mean
from gmcore.ports import DataProvider, SupportsRows, SupportsSchema

__all__ = ["CSVDataProvider"]

_MISSING = ("", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NULL", "null", "None", "?")
_TASKS = ("auto", "classification", "regression")
_DECIDING = (
    "target", "separator", "encoding", "missing", "drop", "types", "task", "classes", "group", "time", "weight",
)  # fmt: skip
_LARGE = 64 * 10**6


def _one_character(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    if len(value) != 1 or not value.isascii() or value.isalnum() or value in '"\r\n.+-':
        raise ValueError(f"{attribute.name} must be one ASCII character that can't be part of a number, got {value!r}")


def _known_encoding(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    try:
        codecs.lookup(value)
    except LookupError as error:
        known = "a codec known to Python, such as 'utf-8' or 'latin-1'"
        raise ValueError(f"{attribute.name} must be {known}, got {value!r}") from error


def _a_size(_: object, attribute: "attrs.Attribute[int | str | None]", value: int | str | None) -> None:
    if value is not None:
        try:
            bytes_of(value)
        except ValueError as error:
            raise ValueError(f"{attribute.name} {error}") from error


def _one_or_many(value: str | Iterable[str]) -> str | tuple[str, ...]:
    return value if isinstance(value, str) else tuple(value)


def _paths(value: str | Path | Iterable[str | Path]) -> Path | tuple[Path, ...]:
    return Path(value) if isinstance(value, str | Path) else tuple(map(Path, value))


def _some(_: object, attribute: "attrs.Attribute[Path | tuple[Path, ...]]", value: object) -> None:
    if value == ():
        raise ValueError(f"{attribute.name} must name at least one file, got none")


@attrs.define(kw_only=True, eq=False)
class CSVDataProvider(DataProvider, SupportsRows, SupportsSchema):
    """Rows from CSV files: numeric, boolean and categorical features, inferred or given by `types`.

    Attributes:
        path: the file, compressed with gzip or not; or several files with the same columns, as a list or a pattern
            such as `"part-*.csv"`.
        target: the column to predict, or several numeric columns; required for training, not for prediction.
        separator: the character between two fields.
        encoding: the text encoding, by Python's name.
        missing: fields that mean "no value", instead of the default ones; an empty field always does.
        drop: columns to leave out.
        types: the kinds of columns for which inference is wrong.
        task: the kind of target; with `"auto"`, texts, booleans and few distinct integers that recur are classes,
            other numbers are regression targets.
        classes: the classes in the order of their indices; by default all values that occur, sorted.
        group: the column whose equal values are never split between folds; not a feature.
        time: the column that orders the rows, numbers or ISO dates; not a feature.
        weight: the column of sample weights; not a feature.
        validation: the rows used for early stopping in plain training; None for none.
        test: the rows held out from training and validation, chosen before the validation rows; None for none.
        cache: whether rows are cached in memory-mapped files, built once for each content of the files; `"auto"`: if
            the files have 64 MB or more.
        cache_folder: the folder of the cache; by default `$XDG_CACHE_HOME/gmcore`, or `~/.cache/gmcore`.
        cache_limit: largest size of the cache, in bytes or as a string such as `"50 GB"`; the least recently used rows
            are removed first, rows in use never. By default 10 GB or a tenth of the disk, whichever is less.
    """

    path: Path | tuple[Path, ...] = attrs.field(converter=_paths, validator=_some)
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
    cache: bool | Literal["auto"] = attrs.field(default="auto", validator=in_((True, False, "auto")))
    cache_folder: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))
    cache_limit: int | str | None = attrs.field(default=None, validator=_a_size)
    _rows: Rows | None = attrs.field(init=False, default=None)
    _split: Split | None = attrs.field(init=False, default=None)
    _columns: tuple[str, ...] = attrs.field(init=False, default=())
    _sha256: str | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Check that the options are consistent."""
        roles = [*self._targets, *self._extras, *self.drop]
        twice = next((name for name in roles if roles.count(name) > 1), None)
        if twice is not None:
            raise ValueError(
                f"a column can have only one role, got '{twice}' more than once in target, group, time, weight and drop"
            )
        misplaced = next((name for name in self.types if name in roles), None)
        if misplaced is not None:
            raise ValueError(f"types are only for features, got '{misplaced}'; for a target, set task")
        if self.task == "regression" and self.classes:
            raise ValueError(f"classes must be empty for task = 'regression', got {', '.join(map(repr, self.classes))}")
        if len(self._targets) > 1 and (self.task == "classification" or self.classes):
            raise ValueError(f"classification needs one target column, got {', '.join(map(repr, self._targets))}")

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
            options = {name: getattr(self, name) for name in _DECIDING}
            self._rows, self._columns = self._read(options, self._texts(), self._learnt)
        return self._rows

    def rows_like(self, schema: Schema) -> Rows:
        texts = [feature.name for feature in schema.features if feature.kind is not Kind.NUMERIC]

        def encode(table: Table, empty: Callable[..., np.ndarray]) -> Rows:
            _need(table, [feature.name for feature in schema.features])
            return Rows(schema=schema, inputs=encode_features(table, schema.features, empty))

        options = {name: getattr(self, name) for name in ("separator", "encoding", "missing")}
        return self._read({**options, "like": attrs.asdict(schema)}, texts, encode)[0]

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

    def _source(self) -> Source:
        return find_files(self.path, separator=self.separator, encoding=codecs.lookup(self.encoding).name)

    def _cache(self, source: Source) -> RowCache:
        wanted = sizes(source) >= _LARGE if self.cache == "auto" else self.cache
        limit = None if self.cache_limit is None else bytes_of(self.cache_limit)
        return RowCache(folder=self.cache_folder, wanted=wanted, needed=self.cache is True, limit=limit)

    def _read(
        self,
        options: Mapping[str, object],
        texts: Iterable[str],
        encode: Callable[[Table, Callable[..., np.ndarray]], Rows],
    ) -> tuple[Rows, tuple[str, ...]]:
        """Return the rows, cached if that is enabled, and the names of all columns.

        Args:
            options: the options that the rows depend on.
            texts: columns to read as text.
            encode: makes rows from a table and a function that allocates arrays.
        """
        source = self._source()
        read = partial(read_table, source, missing=self.missing, texts=frozenset(texts))
        return self._cache(source).rows(source, options, read, encode)

    def _learnt(self, table: Table, empty: Callable[..., np.ndarray]) -> Rows:
        other = [*self._targets, *self._extras, *self.drop]
        _need(table, [*other, *self.types])
        named = [name for name in table if name not in other]
        if not named:
            raise DataError(f"{table.source.name} has no feature columns besides {', '.join(map(repr, other))}")
        if "" in named:
            raise DataError(
                f"{table.source.name}: column {1 + table.names.index('')} has no name; name it, or set drop = ['']"
            )
        target, targets = encode_target([table[name] for name in self._targets], task=self.task, classes=self.classes)
        features = tuple(infer_feature(table[name], self.types.get(name)) for name in named)
        return Rows(
            schema=Schema(features=features, target=target, group=self.group, time=self.time),
            inputs=encode_features(table, features, empty),
            targets=targets,
            weights=None if self.weight is None else table[self.weight].weights(),
            groups=None if self.group is None else table[self.group].groups(),
            time=None if self.time is None else table[self.time].instants(),
        )

    def _texts(self) -> list[str]:
        """Return the columns to read as text."""
        written = [name for name in (self.group, self.time) if name is not None]
        written += [name for name, kind in self.types.items() if kind != "numeric"]
        return written if self.task == "regression" else [*written, *self._targets]


def _need(table: Table, names: Iterable[str]) -> None:
    """Raise `DataError` if columns are absent."""
    absent = [name for name in names if name not in table.names]
    if absent:
        found = "; ".join(f"there is no column '{name}'{did_you_mean(name, table.names)}" for name in absent)
        raise DataError(f"{table.source.name}: {found}")
