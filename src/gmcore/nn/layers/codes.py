"""What layers over category codes share: which code stands for which place in one long table."""

from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, Shape
from gmcore.ports import Namespace

__all__ = ["check_categories", "check_columns", "fresh_places", "known_places", "offsets", "places"]


def check_categories(_: Any, attribute: "attrs.Attribute[tuple[int, ...]]", value: tuple[int, ...]) -> None:
    """Raise if a layer over codes is not given one column's count or more."""
    if not value or not all(isinstance(count, int) and count >= 0 for count in value):
        raise ValueError(f"{attribute.name} must be one count, 0 or more, for each column, got {value}")


def check_columns(categories: tuple[int, ...], input_shape: Shape) -> None:
    """Raise if a row is not one code a column."""
    if input_shape != (len(categories),):
        raise ValueError(f"rows of {len(categories)} category codes are needed, got rows of shape {input_shape}")


def offsets(categories: tuple[int, ...]) -> np.ndarray:
    """Return each column's first place, and the number of places: `(columns + 1,)`, int32."""
    return np.cumsum([0, *(n + 1 for n in categories)], dtype=np.int32)


def fresh_places(categories: tuple[int, ...]) -> np.ndarray:
    """Return the table that takes every code for itself."""
    return np.arange(offsets(categories)[-1], dtype=np.int32)


def known_places(categories: tuple[int, ...], blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each place, the place that stands for it, and whether the codes had it.

    A code that no block of codes, `(rows, columns)`, had is taken for its column's 0, so that what was
    not seen in training is one bucket: "missing or unknown".
    """
    first = offsets(categories)
    seen = np.zeros(first[-1], np.bool_)
    for codes in blocks:
        seen[codes + first[:-1]] = True
    unknown = np.repeat(first[:-1], np.diff(first))
    return np.where(seen, fresh_places(categories), unknown).astype(np.int32), seen


def places(table: Array, codes: Array, first: Array, xp: Namespace) -> Array:
    """Return the place that stands for each code, `(batch, columns)`, int32."""
    return xp.take(table, codes + first, axis=0)
