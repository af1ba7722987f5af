"""Category codes of several columns as indices into one table, shared by `Embedding` and `OneHot`.

The table has a place for each code of each column, column after column: `offsets` gives each column's first place.
"""

from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, RowBlock
from gmcore.nn.layers.blocks import counted
from gmcore.nn.layers.defaults import of_one_array
from gmcore.ports import Layer, Namespace

__all__ = ["check_categories", "check_columns", "fresh_places", "known_places", "offsets", "places"]


def check_categories(_: Any, attribute: "attrs.Attribute[tuple[int, ...]]", value: tuple[int, ...]) -> None:
    """Raise ValueError unless there is at least one column and each count is a whole number of 0 or more."""
    if not value or not all(isinstance(count, int) and count >= 0 for count in value):
        raise ValueError(f"{attribute.name} must be one count, 0 or more, for each column, got {value}")


def check_columns(layer: Layer, categories: tuple[int, ...], input_shape: Any) -> None:
    """Raise ValueError unless a row has one code for each column."""
    if (found := of_one_array(layer, input_shape)) != (len(categories),):
        raise ValueError(f"{type(layer).__name__} needs rows of {len(categories)} category codes, got shape {found}")


def offsets(categories: tuple[int, ...]) -> np.ndarray:
    """Return each column's first place, and last the number of places: `(columns + 1,)`, int32."""
    return np.cumsum([0, *(n + 1 for n in categories)], dtype=np.int32)


def fresh_places(categories: tuple[int, ...]) -> np.ndarray:
    """Return the table before adapting, in which every code has its own place: `(places,)`, int32."""
    return np.arange(offsets(categories)[-1], dtype=np.int32)


def known_places(categories: tuple[int, ...], blocks: Iterable[RowBlock]) -> tuple[np.ndarray, np.ndarray]:
    """Return the table after adapting, `(places,)`, int32, and which codes occurred, `(places,)`, bool.

    A code that occurs in no block's inputs, `(rows, columns)`, or in rows of weight 0 only, gets the place of its
    column's code 0, so that all categories not seen in training share one place, "missing or unknown".
    """
    first = offsets(categories)
    seen = np.zeros(first[-1], np.bool_)
    for codes, _ in counted(blocks):
        seen[codes + first[:-1]] = True
    unknown = np.repeat(first[:-1], np.diff(first))
    return np.where(seen, fresh_places(categories), unknown).astype(np.int32), seen


def places(table: Array, codes: Array, first: Array, xp: Namespace) -> Array:
    """Return the place of each code, `(batch, columns)`, int32."""
    return xp.take(table, codes + first, axis=0)
