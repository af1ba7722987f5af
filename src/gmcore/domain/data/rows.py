"""Rows: a data set on the host."""

from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from gmcore.domain.data.schema import Kind, Schema
from gmcore.domain.data.windowed_series import WindowedSeries
from gmcore.domain.short_repr import listed
from gmcore.domain.tree import Array
from gmcore.errors import DataError

__all__ = ["Rows"]

_MAX_BLOCK_ROWS = 65_536
_MAX_BLOCK_NUMBERS = 1 << 22


@attrs.frozen(eq=False)
class _LazyInputs(Mapping[str, Array]):
    """Inputs whose rows are gathered at each access, and not cached.

    Attributes:
        columns: the inputs of all rows.
        where: the chosen rows, indices or a slice.
        count: number of chosen rows.
    """

    columns: Mapping[str, Array]
    where: np.ndarray | slice
    count: int

    def __getitem__(self, name: str) -> Array:
        return self.columns[name][self.where]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def part(self, where: np.ndarray | slice) -> "_LazyInputs":
        """Return some of the chosen rows."""
        if isinstance(self.where, slice):
            chosen = range(self.where.start, self.where.stop, self.where.step)
            if isinstance(where, slice):
                chosen = chosen[where]
                return _lazy(self.columns, slice(chosen.start, chosen.stop, chosen.step))
            return _lazy(self.columns, np.asarray(chosen)[where])
        return _lazy(self.columns, self.where[where])


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """Rows as NumPy arrays, rows on the first axis, in memory or memory-mapped as `numpy.memmap`s.

    Attributes:
        schema: description of the columns.
        inputs: arrays by name. `"numeric"`: `(rows, numeric features)`, float64, NaN if missing.
            `"categorical"`: `(rows, categorical features)`, int32 codes, 0 if missing or unknown.
            `"datetime"`: `(rows, datetime features, 2)`, int32: days since 1970-01-01 in the proleptic Gregorian
            calendar and seconds of the day, in UTC; `gmcore.domain.data.dates.MISSING_DAY` and 0 if missing.
            A name is absent if the schema has no such feature. A tensor of the schema has its own name:
            `(rows, *shape)`, float64 or float32, NaN if missing; or a `WindowedSeries`, which has that shape and is
            read in windows.
        targets: class indices, `(rows,)`, int32; or for several labels 0 and 1, `(rows, labels)`, int32; or values,
            `(rows, targets)`, float64; with the target's `shape` after the rows: `(rows, *shape)` or
            `(rows, *shape, columns)`. None if unknown, as for rows to predict.
        weights: `(rows,)`, float64, the weight of each row; None for equal weights of 1.
        groups: `(rows,)`, int64, equal for rows that must stay together; or None.
        time: `(rows,)`, sortable; or None.
        ids: `(rows,)`, str, what identifies each row, as it is written in the source; or None.
        numbers: `(rows,)`, int64, the place of each row in the data set from which these rows were taken; None if
            these are all rows, in order.
    """

    schema: Schema
    inputs: Mapping[str, Array]
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    time: np.ndarray | None = None
    ids: np.ndarray | None = None
    numbers: np.ndarray | None = None

    def __attrs_post_init__(self) -> None:
        """Check that all columns have the same number of rows."""
        lengths = _lengths(self.inputs) | {name: len(column) for name, column in self._others.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"all columns must have the same number of rows, got {found}")
        _check_shapes(self.inputs, self.targets, self.schema)

    def __len__(self) -> int:
        return next(iter(_lengths(self.inputs).values()))

    @property
    def windowed(self) -> dict[str, WindowedSeries]:
        """The inputs that are windows of a series, by name, not gathered."""
        where = self.inputs.where if isinstance(self.inputs, _LazyInputs) else slice(None)
        columns = _columns(self.inputs).items()
        return {name: column.take(where) for name, column in columns if isinstance(column, WindowedSeries)}

    def __repr__(self) -> str:
        present = ", ".join(name for name in self._others if name != "numbers")
        kinds = {kind: sum(feature.kind is kind for feature in self.schema.features) for kind in Kind}
        counted = [f"{count:,} {kind}" for kind, count in kinds.items() if count]
        counts = ", ".join([*counted, *map(str, self.schema.tensors)])
        target = listed(self.schema.target.names)
        return (
            f"Rows({len(self):,} rows, features: {counts or 'none'}; target {target}; with {present or 'inputs alone'})"
        )

    def take(self, indices: np.ndarray) -> "Rows":
        """Return a copy of the rows at `indices`, `(n,)`, in that order."""
        return self._with({name: _taken(column, indices) for name, column in self.inputs.items()}, indices)

    def view(self, indices: np.ndarray) -> "Rows":
        """Return the rows at `indices`, `(n,)`, in that order, without copying their inputs.

        Each access to one of its `inputs` gathers that input anew; `blocks` gathers one block at a time.
        """
        return self._with(_lazy(self.inputs, indices), indices)

    def gathered(self) -> "Rows":
        """Return these rows with the inputs of a view copied; return `self` if it is not a view."""
        if not isinstance(self.inputs, _LazyInputs):
            return self
        chosen = self.inputs
        return attrs.evolve(
            self, inputs={name: _taken(column, chosen.where) for name, column in chosen.columns.items()}
        )

    def blocks(self, size: int | None = None) -> Iterator["Rows"]:
        """Yield all rows in order, block by block, so that data sets larger than memory can be processed.

        Args:
            size: rows per block, the last one excepted; by default 65,536, or fewer if a row has more than 64 numbers.
                The default depends only on the columns, so sums over blocks do not depend on where the rows are stored.
        """
        size = size or self._block_size
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield self._with(_lazy(self.inputs, part), part)

    @property
    def _others(self) -> dict[str, np.ndarray]:
        """The columns that are no inputs, by name, without those that are None."""
        others = {name: getattr(self, name) for name in ("targets", "weights", "groups", "time", "ids", "numbers")}
        return {name: column for name, column in others.items() if column is not None}

    @property
    def _block_size(self) -> int:
        columns = _columns(self.inputs)
        width = sum(int(np.prod(column.shape[1:])) for column in columns.values())
        return max(1, min(_MAX_BLOCK_ROWS, _MAX_BLOCK_NUMBERS // max(1, width)))

    def _with(self, inputs: Mapping[str, np.ndarray], where: np.ndarray | slice) -> "Rows":
        """Return the rows at `where`, with the given inputs."""
        others = {name: column[where] for name, column in self._others.items()}
        if self.numbers is None:
            others["numbers"] = _places(where, len(self))
        return Rows(schema=self.schema, inputs=inputs, **others)


def _places(where: np.ndarray | slice, rows: int) -> np.ndarray:
    return np.arange(*where.indices(rows)) if isinstance(where, slice) else np.arange(rows)[where]


def _taken(column: Array, where: np.ndarray | slice) -> Array:
    """Return some rows of an input: a copy, or windows of the same series."""
    return column.take(where) if isinstance(column, WindowedSeries) else column[where]


def _lazy(inputs: Mapping[str, Array], where: np.ndarray | slice) -> _LazyInputs:
    """Return the inputs at `where`, which are gathered at access; a slice of an array is a view of it."""
    if isinstance(inputs, _LazyInputs):
        return inputs.part(where)
    if isinstance(where, slice):
        chosen = range(*where.indices(_count(inputs)))
        return _LazyInputs(inputs, slice(chosen.start, chosen.stop, chosen.step), len(chosen))
    where = np.flatnonzero(where) if where.dtype == bool else where
    return _LazyInputs(inputs, where, len(where))


def _columns(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    """Return the inputs of all rows of which these are some."""
    return inputs.columns if isinstance(inputs, _LazyInputs) else inputs


def _count(inputs: Mapping[str, Array]) -> int:
    return next(iter(_lengths(inputs).values()), 0)


def _lengths(inputs: Mapping[str, Array]) -> dict[str, int]:
    if isinstance(inputs, _LazyInputs):
        return dict.fromkeys(inputs, inputs.count)
    return {name: len(column) for name, column in inputs.items()}


def _check_shapes(inputs: Mapping[str, Array], targets: np.ndarray | None, schema: Schema) -> None:
    """Raise `DataError` if a tensor or the targets have another shape than the schema says."""
    columns = _columns(inputs)
    for tensor in schema.tensors:
        if tensor.name not in columns:
            raise DataError(f"the rows lack the tensor {tensor}: they have {', '.join(columns) or 'no inputs'}")
        if (found := tuple(columns[tensor.name].shape[1:])) != tensor.shape:
            raise DataError(f"the tensor '{tensor.name}' must have shape {tensor.shape} in each row, got {found}")
    target = schema.target
    if targets is not None and target.shape and tuple(targets.shape[1 : 1 + len(target.shape)]) != target.shape:
        raise DataError(
            f"the target {listed(target.names)} must have shape {target.shape} in each row, got {targets.shape[1:]}"
        )
