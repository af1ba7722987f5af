"""Windows of a series that would leak: those with steps of held-out rows."""

import numpy as np

from gmcore.domain.data.rows import Rows
from gmcore.domain.data.windowed_series import WindowedSeries

__all__ = ["apart_from"]


def apart_from(rows: Rows, indices: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return those of some rows that share no step of a series with held-out rows; all of them without windows.

    The steps of a row are those of its window and, with the ones between, that of its label.

    Args:
        rows: all rows.
        indices: rows to train on, `(n,)`.
        held: rows that are held out, `(m,)`.
    """
    for windows in rows.windowed.values() if len(held) else ():
        indices = _apart(windows, indices, held)
    return indices


def _apart(windows: WindowedSeries, indices: np.ndarray, held: np.ndarray) -> np.ndarray:
    starts, reach = windows.starts, windows.reach
    changes = np.zeros(int(starts.max()) + reach + 1, np.int32)
    np.add.at(changes, starts[held], 1)
    np.subtract.at(changes, starts[held] + reach, 1)
    # How many of the steps before each one are those of held-out rows.
    before = np.zeros(len(changes) + 1, starts.dtype)
    np.cumsum(np.cumsum(changes, out=changes) > 0, out=before[1:])
    first = starts[indices]
    kept: np.ndarray = indices[before[first + reach] == before[first]]
    return kept
