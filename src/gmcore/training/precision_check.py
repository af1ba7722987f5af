"""Columns of which a dtype keeps too little: told before training, since afterwards nothing shows it."""

import math
from collections.abc import Iterator

import numpy as np

from gmcore.domain import Rows
from gmcore.nn.preprocessing.standardize import mean_and_scale

__all__ = ["precision_notes"]

# Rows that are looked at, in runs of neighbours spread over all: so many bytes of a file however long it is.
_ROWS, _RUN = 65_536, 1024
_SHARE = 1e-3


def precision_notes(rows: Rows, dtype: str) -> Iterator[str]:
    """Yield a sentence for each column of numbers that a dtype has no room for.

    In float32 that is one whose values, once they are rounded, differ from what they were by more than a thousandth of
    their standard deviation: rounding comes before standardising, and what it took is gone. In either dtype it is one
    with values that are too large. Where there are more than 65,536 rows, that many are looked at, from all over.

    Args:
        rows: features and values to predict are looked at.
        dtype: `"float32"` or `"float64"`.
    """
    places = _some(len(rows))
    if "numeric" in rows.inputs:
        names = [feature.name for feature in rows.schema.numeric]
        yield from _notes("column", names, rows.inputs["numeric"], places, dtype)
    if rows.targets is not None and not rows.schema.target.is_classification:
        yield from _notes("target", list(rows.schema.target.names), rows.targets, places, dtype)


def _notes(kind: str, names: list[str], columns: np.ndarray, places: list[slice], dtype: str) -> Iterator[str]:
    seen = np.concatenate([np.asarray(columns[place], np.float64) for place in places])
    seen = np.where(np.isfinite(seen), seen, np.nan)
    largest = _largest(seen)
    # Standardising squares in float64.
    limit = float(np.finfo(np.float32).max) if dtype == "float32" else math.sqrt(np.finfo(np.float64).max)
    for place in np.flatnonzero(largest > limit):
        yield (
            f"{kind} '{names[place]}' has values as large as {largest[place]:g}, and in {dtype} they can be "
            f"{limit:.2g} at most: correct them, or leave the column out"
        )
    seen = np.where(largest > limit, np.nan, seen)
    moments = mean_and_scale([seen]) if dtype == "float32" else None
    if moments is None:
        return
    mean, spread = moments
    lost = _largest(seen.astype(np.float32) - seen)
    for place in np.flatnonzero((spread > 0) & (lost > _SHARE * spread)):
        yield f"{kind} '{names[place]}' {_too_fine(float(mean[place]), float(spread[place]), float(largest[place]))}"


def _largest(seen: np.ndarray) -> np.ndarray:
    """Return each column's largest absolute value, 0 where there is nothing but NaN."""
    found: np.ndarray = np.fmax.reduce(np.abs(seen), axis=0, initial=0.0)
    return found


def _too_fine(mean: float, spread: float, largest: float) -> str:
    apart = float(np.spacing(np.float32(largest)))
    left = math.log10(spread / apart)
    kept = f"about {left:.1f} digits" if left > 0 else "nothing"
    return (
        f"varies by {spread:.2g} around {mean:g}, where numbers in float32 are {apart:.2g} apart: {kept} of what "
        f'varies is kept, and the model sees no more; set dtype = "float64", or subtract a constant such as {mean:g} '
        "from the column"
    )


def _some(count: int) -> list[slice]:
    """Return runs of rows: all of them, or as many as are looked at."""
    if count <= _ROWS:
        return [slice(0, count)]
    starts = np.linspace(0, count - _RUN, _ROWS // _RUN).astype(int).tolist()
    return [slice(start, start + _RUN) for start in starts]
