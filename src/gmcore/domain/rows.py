"""A data set on the host."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain.schema import Schema

__all__ = ["Rows"]


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """Rows in memory, as NumPy arrays with the rows on the first axis.

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
        columns = {**self.inputs, "targets": self.targets, "weights": self.weights}
        columns |= {"groups": self.groups, "time": self.time}
        lengths = {name: len(column) for name, column in columns.items() if column is not None}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"all columns must have the same number of rows, got {found}")

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, indices: np.ndarray) -> "Rows":
        """Return the rows at `indices`, in that order."""

        def pick(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[indices]

        return attrs.evolve(
            self,
            inputs={name: column[indices] for name, column in self.inputs.items()},
            targets=pick(self.targets),
            weights=pick(self.weights),
            groups=pick(self.groups),
            time=pick(self.time),
        )
