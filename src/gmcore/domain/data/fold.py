"""Which rows are for training, for validation and for testing."""

from collections.abc import Mapping

import attrs
import numpy as np

__all__ = ["Fold", "Split"]


@attrs.frozen(kw_only=True, eq=False)
class Fold:
    """One fold of a cross-validation.

    Attributes:
        index: index of the fold, from 0.
        train: indices of the rows to train on, `(n,)` int64.
        validation: indices of the held-out rows, which are only scored on, `(m,)` int64; disjoint from `train`.
        metadata: further facts about the fold, such as `{"repeat": 2}`.
    """

    index: int
    train: np.ndarray
    validation: np.ndarray
    metadata: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """One division of the rows.

    Attributes:
        train: indices of the rows to train on, `(n,)` int64.
        validation: indices of the rows that early stopping watches, `(m,)` int64, possibly none.
        test: indices of the rows that are unseen until training has ended, `(t,)` int64, possibly none.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray = attrs.field(factory=lambda: np.empty(0, np.int64))
