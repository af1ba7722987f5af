"""Numbers that a dtype can't hold well enough: checked before training, because no result shows it."""

import math
from collections.abc import Iterator

import numpy as np

from gmcore.domain import RowBlock, Rows
from gmcore.errors import DataError
from gmcore.nn.preprocessing.standardize import mean_and_scale

__all__ = ["check_weights", "precision_notes"]

# Rows that are checked: runs of neighbours spread over all rows, so the cost does not depend on the length of a file.
_ROWS, _RUN = 65_536, 1024
# The largest rounding error that is accepted, in standard deviations of the column.
_SHARE = 1e-3
# How much larger than 1 a loss may become: sums of losses times weights must stay finite.
_LOSSES = 1e-6


def precision_notes(rows: Rows, dtype: str) -> Iterator[str]:
    """Yield one sentence for each numeric column or target that a dtype can't represent well enough.

    In float32 that is a column whose largest rounding error exceeds a thousandth of its standard deviation: values are
    rounded before they are standardized. In either dtype it is a column whose values are too large. Of more than 65,536
    rows, that many are checked, spread over all.

    Args:
        rows: the rows to check.
        dtype: `"float32"` or `"float64"`.
    """
    places = _runs(len(rows))
    if "numeric" in rows.inputs:
        names = [feature.name for feature in rows.schema.numeric]
        yield from _notes("column", names, rows.inputs["numeric"], places=places, dtype=dtype)
    target = rows.schema.target
    if rows.targets is not None and target.is_regression:
        columns = rows.targets.reshape(len(rows), -1)
        yield from _notes("target", list(target.prediction_columns), columns, places=places, dtype=dtype)


def check_weights(rows: Rows, dtype: str) -> None:
    """Check that sums of row weights, and of losses times weights, are numbers in a dtype.

    Raises:
        DataError: if the weights are too large for it, or all of them too small.
    """
    if rows.weights is None:
        return
    limits = np.finfo(np.float32 if dtype == "float32" else np.float64)
    largest, total = float(rows.weights.max(initial=0.0)), float(rows.weights.sum())
    most, least = float(limits.max) * _LOSSES, float(limits.tiny)
    if not total <= most or 0 < largest < least:
        found = f"a sum of {total:g}" if total > most else f"{largest:g} as the largest"
        raise DataError(
            f"the row weights must have a sum of at most {most:.2g} and not all be below {least:.2g} in {dtype}, got "
            f"{found}: divide all weights by a constant"
        )


def _notes(kind: str, names: list[str], columns: np.ndarray, *, places: list[slice], dtype: str) -> Iterator[str]:
    values = np.concatenate([np.asarray(columns[place], np.float64) for place in places])
    values = np.where(np.isfinite(values), values, np.nan)
    largest = _largest(values)
    # Standardizing squares values in float64.
    limit = float(np.finfo(np.float32).max) if dtype == "float32" else math.sqrt(np.finfo(np.float64).max)
    for place in np.flatnonzero(largest > limit):
        yield (
            f"{kind} '{names[place]}' has values as large as {largest[place]:g}, but {dtype} allows "
            f"{limit:.2g} at most: correct them, or leave the column out"
        )
    values = np.where(largest > limit, np.nan, values)
    moments = mean_and_scale([RowBlock(inputs=values)]) if dtype == "float32" else None
    if moments is None:
        return
    mean, deviation = moments
    error = _largest(values.astype(np.float32) - values)
    for place in np.flatnonzero((deviation > 0) & (error > _SHARE * deviation)):
        found = _too_fine(mean=float(mean[place]), deviation=float(deviation[place]), largest=float(largest[place]))
        yield f"{kind} '{names[place]}' {found}"


def _largest(values: np.ndarray) -> np.ndarray:
    """Return each column's largest absolute value, ignoring NaN; 0 if there is nothing else."""
    found: np.ndarray = np.fmax.reduce(np.abs(values), axis=0, initial=0.0)
    return found


def _too_fine(*, mean: float, deviation: float, largest: float) -> str:
    spacing = float(np.spacing(np.float32(largest)))
    digits = math.log10(deviation / spacing)
    kept = f"only about {digits:.1f} digits" if digits > 0 else "no digits"
    return (
        f"varies by {deviation:.2g} around {mean:g}, where float32 numbers are {spacing:.2g} apart: {kept} of the "
        f'variation are kept; set dtype = "float64", or subtract a constant such as {mean:g} from the column'
    )


def _runs(count: int) -> list[slice]:
    """Return the runs of rows that are checked, of `count` rows."""
    if count <= _ROWS:
        return [slice(0, count)]
    starts = np.linspace(0, count - _RUN, _ROWS // _RUN).astype(int).tolist()
    return [slice(start, start + _RUN) for start in starts]
