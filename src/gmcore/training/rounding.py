"""Columns of which a dtype keeps too little: told before training, since afterwards nothing shows it."""

import math
from collections.abc import Iterator

import numpy as np

from gmcore.domain import Rows
from gmcore.nn.layers.standardize import mean_and_scale

__all__ = ["rounding_notes"]

# Rows that are looked at, in runs of neighbours spread over all: so many bytes of a file however long it is.
_ROWS, _RUN = 65_536, 1024
_SHARE = 1e-3


def rounding_notes(rows: Rows, dtype: str) -> Iterator[str]:
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
    for place, name in enumerate(names):
        values = seen[:, place][np.isfinite(seen[:, place])]
        if (text := _note(values, dtype)) is not None:
            yield f"{kind} '{name}' {text}"


def _note(values: np.ndarray, dtype: str) -> str | None:
    """Return what is wrong with a column's values, float64 and finite; None if nothing is."""
    largest = float(np.abs(values).max(initial=0.0))
    # Standardising squares in float64.
    limit = float(np.finfo(np.float32).max) if dtype == "float32" else math.sqrt(np.finfo(np.float64).max)
    if largest > limit:
        return (
            f"has values as large as {largest:g}, and in {dtype} they can be {limit:.2g} at most: "
            "correct them, or leave the column out"
        )
    moments = mean_and_scale([values]) if dtype == "float32" else None
    if moments is None or not moments[1] > 0:
        return None
    mean, spread = map(float, moments)
    lost = float(np.abs(values.astype(np.float32) - values).max())
    if lost <= _SHARE * spread:
        return None
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
