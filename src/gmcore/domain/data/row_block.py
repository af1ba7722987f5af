"""A block of training rows, as layers are fitted to them."""

from typing import Any

import attrs
import numpy as np

__all__ = ["RowBlock"]


@attrs.frozen(kw_only=True, eq=False)
class RowBlock:
    """Some of a member's training rows, NumPy arrays with rows on the first axis.

    Attributes:
        inputs: what the layer's `apply` would be given for these rows: an array, or a mapping of arrays.
        targets: as `Rows.targets`; None without targets.
        weights: `(rows,)`, float64, the weight of each row; None for equal weights of 1.
        numbers: `(rows,)`, the place of each row among all rows of the data set.
    """

    inputs: Any
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None
    numbers: np.ndarray | None = None
