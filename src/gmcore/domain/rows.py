"""A data set on the host."""

from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from gmcore.domain.schema import Schema

__all__ = ["Rows"]

_LARGEST_BLOCK = 65_536
_NUMBERS = 1 << 22


@attrs.frozen(eq=False)
class _Chosen(Mapping[str, np.ndarray]):
    """Columns whose rows are gathered when a column is asked for, and not kept."""

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
    """Rows as NumPy arrays with the rows on the first axis: in memory, or in files as `numpy.memmap`s.

    Attributes:
        schema: what the columns are.
        inputs: by name. `"numeric"`: `(rows, numeric features)`, float64, NaN where missing.
            `"categorical"`: `(rows, categorical features)`, int32 codes, 0 where missing or unknown.
            A name is absent when the schema has no such feature.
        targets: class indices, `(rows,)`, int32; or values, `(rows, targets)`, float64; or None
            where they are not known (rows to predict).
        weights: `(rows,)`, float64, how much each row counts, or None for 1 each.
        groups: `(rows,)`, int64, equal where rows belong together, or None.
        time: `(rows,)`, sortable, or None.
    """

    schema: Schema
    inputs: Mapping[str, np.ndarray]
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    time: np.ndarray | None = None

    def __attrs_post_init__(self) -> None:
        """Check that all columns have the same rows."""
        lengths = _lengths(self.inputs)
        others = {"targets": self.targets, "weights": self.weights, "groups": self.groups, "time": self.time}
        lengths |= {name: len(column) for name, column in others.items() if column is not None}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"all columns must have the same number of rows, got {found}")

    def __len__(self) -> int:
        return next(iter(_lengths(self.inputs).values()))

    def take(self, indices: np.ndarray) -> "Rows":
        """Return a copy of the rows at `indices`, in that order."""
        return self._with({name: column[indices] for name, column in self.inputs.items()}, indices)

    def view(self, indices: np.ndarray) -> "Rows":
        """Return the rows at `indices`, in that order, without their inputs being copied now.

        Asking for one of its `inputs` gathers that one, each time; `blocks` gathers no more than a block.
        """
        return self._with(_chosen(self.inputs, indices), indices)

    def gathered(self) -> "Rows":
        """Return these rows with their inputs gathered once and for all; themselves if they are no view."""
        if not isinstance(self.inputs, _Chosen):
            return self
        return attrs.evolve(self, inputs=dict(self.inputs))

    def blocks(self, size: int | None = None) -> Iterator["Rows"]:
        """Yield all rows in order, some at a time: what keeps within memory however many there are.

        Args:
            size: rows in a block, but for the last; by default 65,536, or fewer where a row is wider than 64 numbers.
                The default depends on nothing but the columns, so sums over blocks are the same wherever the rows are.
        """
        size = size or self._block_size
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield self._with(_chosen(self.inputs, part), part)

    @property
    def _block_size(self) -> int:
        columns = self.inputs.columns if isinstance(self.inputs, _Chosen) else self.inputs
        width = sum(int(np.prod(column.shape[1:])) for column in columns.values())
        return max(1, min(_LARGEST_BLOCK, _NUMBERS // max(1, width)))

    def _with(self, inputs: Mapping[str, np.ndarray], where: np.ndarray | slice) -> "Rows":
        """Return the rows that are `where`, with `inputs` for theirs."""

        def pick(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[where]

        return Rows(
            schema=self.schema,
            inputs=inputs,
            targets=pick(self.targets),
            weights=pick(self.weights),
            groups=pick(self.groups),
            time=pick(self.time),
        )


def _chosen(inputs: Mapping[str, np.ndarray], where: np.ndarray | slice) -> Mapping[str, np.ndarray]:
    """Return the inputs that are `where`: parts of arrays as they lie, what is scattered when it is asked for."""
    if isinstance(inputs, _Chosen):
        return _Chosen(inputs.columns, inputs.indices[where])
    if isinstance(where, slice):
        return {name: column[where] for name, column in inputs.items()}
    return _Chosen(inputs, where)


def _lengths(inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    if isinstance(inputs, _Chosen):
        return dict.fromkeys(inputs, len(inputs.indices))
    return {name: len(column) for name, column in inputs.items()}
