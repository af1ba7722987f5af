"""Rows: a data set on the host."""

from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from gmcore.domain.data.schema import Kind, Schema
from gmcore.domain.short_repr import listed

__all__ = ["Rows"]

_MAX_BLOCK_ROWS = 65_536
_MAX_BLOCK_NUMBERS = 1 << 22


@attrs.frozen(eq=False)
class _LazyInputs(Mapping[str, np.ndarray]):
    """Inputs whose rows are gathered at each access, and not cached."""

    columns: Mapping[str, np.ndarray]
    indices: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        column: np.ndarray = self.columns[name][self.indices]
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """Rows as NumPy arrays, rows on the first axis, in memory or memory-mapped as `numpy.memmap`s.

    Attributes:
        schema: description of the columns.
        inputs: arrays by name. `"numeric"`: `(rows, numeric features)`, float64, NaN if missing.
            `"categorical"`: `(rows, categorical features)`, int32 codes, 0 if missing or unknown.
            `"datetime"`: `(rows, datetime features, 2)`, int32: days since 1970-01-01 in the proleptic Gregorian
            calendar and seconds of the day, in UTC; `gmcore.domain.data.dates.MISSING_DAY` and 0 if missing.
            A name is absent if the schema has no such feature.
        targets: class indices, `(rows,)`, int32; or values, `(rows, targets)`, float64; or None
            if unknown, as for rows to predict.
        weights: `(rows,)`, float64, the weight of each row; None for equal weights of 1.
        groups: `(rows,)`, int64, equal for rows that must stay together; or None.
        time: `(rows,)`, sortable; or None.
        ids: `(rows,)`, str, what identifies each row, as it is written in the source; or None.
        numbers: `(rows,)`, int64, the place of each row in the data set from which these rows were taken; None if
            these are all rows, in order.
    """

    schema: Schema
    inputs: Mapping[str, np.ndarray]
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

    def __len__(self) -> int:
        return next(iter(_lengths(self.inputs).values()))

    def __repr__(self) -> str:
        present = ", ".join(name for name in self._others if name != "numbers")
        kinds = {kind: sum(feature.kind is kind for feature in self.schema.features) for kind in Kind}
        counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
        target = listed(self.schema.target.names)
        return (
            f"Rows({len(self):,} rows, features: {counts or 'none'}; target {target}; with {present or 'inputs alone'})"
        )

    def take(self, indices: np.ndarray) -> "Rows":
        """Return a copy of the rows at `indices`, `(n,)`, in that order."""
        return self._with({name: column[indices] for name, column in self.inputs.items()}, indices)

    def view(self, indices: np.ndarray) -> "Rows":
        """Return the rows at `indices`, `(n,)`, in that order, without copying their inputs.

        Each access to one of its `inputs` gathers that input anew; `blocks` gathers one block at a time.
        """
        return self._with(_lazy(self.inputs, indices), indices)

    def gathered(self) -> "Rows":
        """Return these rows with the inputs of a view copied; return `self` if it is not a view."""
        if not isinstance(self.inputs, _LazyInputs):
            return self
        return attrs.evolve(self, inputs=dict(self.inputs))

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
        columns = self.inputs.columns if isinstance(self.inputs, _LazyInputs) else self.inputs
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


def _lazy(inputs: Mapping[str, np.ndarray], where: np.ndarray | slice) -> Mapping[str, np.ndarray]:
    """Return the inputs at `where`: array views for a slice of arrays, else inputs that are gathered at access."""
    if isinstance(inputs, _LazyInputs):
        return _LazyInputs(inputs.columns, inputs.indices[where])
    if isinstance(where, slice):
        return {name: column[where] for name, column in inputs.items()}
    return _LazyInputs(inputs, where)


def _lengths(inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    if isinstance(inputs, _LazyInputs):
        return dict.fromkeys(inputs, len(inputs.indices))
    return {name: len(column) for name, column in inputs.items()}
