"""Which rows are trained on and which are held out."""

from collections.abc import Mapping

import attrs
import numpy as np

__all__ = ["Fold", "Split"]


@attrs.frozen(kw_only=True, eq=False)
class Fold:
    """One fold of a cross-validation.

    Attributes:
        index: its place among the folds, from 0.
        train: rows to train on, `(n,)`, int64.
        validation: rows held out, for scoring alone, `(m,)`, int64; none of them is in `train`.
        metadata: what else is known of it, such as `{"repeat": 2}`.
    """

    index: int
    train: np.ndarray
    validation: np.ndarray
    metadata: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """One division of the rows: to train on, to stop on, and to keep unseen.

    Attributes:
        train: rows to train on, `(n,)`, int64.
        validation: rows that steer early stopping, `(m,)`, int64, possibly none.
        test: rows that nothing sees before the end, `(t,)`, int64, possibly none.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray = attrs.field(factory=lambda: np.empty(0, np.int64))
