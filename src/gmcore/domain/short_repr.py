"""Short representations of long values, so that no `repr` prints every weight or category."""

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["few", "listed", "names_of", "shape_of"]

_MOST = 8
_SHOWN = 5


def few(values: Sequence[object]) -> str:
    """Return a tuple's representation, of the first 5 elements if it has more than 8."""
    if len(values) <= _MOST:
        return repr(tuple(values))
    return f"({', '.join(map(repr, values[:_SHOWN]))}, … {len(values):,} in all)"


def listed(names: Sequence[str]) -> str:
    """Return names separated by commas, only the first 5 if there are more than 8."""
    shown = names if len(names) <= _MOST else [*names[:_SHOWN], f"… {len(names):,} in all"]
    return ", ".join(shown)


def names_of(columns: Mapping[str, object]) -> str:
    """Return the keys of a mapping in braces."""
    return f"{{{', '.join(columns)}}}"


def shape_of(array: np.ndarray) -> str:
    """Return an array's shape and dtype."""
    return f"<array {array.shape} {array.dtype}>"
