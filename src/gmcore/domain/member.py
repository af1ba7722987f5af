"""A member of a fleet: one model to train."""

from collections.abc import Mapping

import attrs
import numpy as np

__all__ = ["Member"]

_NO_ROWS = np.empty(0, np.int64)


@attrs.frozen(kw_only=True, eq=False)
class Member:
    """One model of a fleet: its rows, its seed, and its own hyperparameters.

    All randomness of its training is a function of `seed`, `index`, the epoch and the step, so its results are the
    same in every fleet.

    Attributes:
        index: identifies the member, from 0; not its place in a chunk.
        train: indices of the rows to train on, `(n,)` int64.
        stop: indices of the rows whose loss early stopping watches, `(m,)` int64; without any it never stops early.
        score: indices of the rows to score on after training, `(s,)` int64, possibly none.
        seed: seed of its randomness.
        settings: its own hyperparameters by name, such as `{"learning_rate": 1e-3}`: of the optimizer, or of a model
            that `SupportsSettings`. For all others it has the optimizer's and the model's values.
    """

    index: int = 0
    train: np.ndarray
    stop: np.ndarray = _NO_ROWS
    score: np.ndarray = _NO_ROWS
    seed: int = 0
    settings: Mapping[str, float] = attrs.field(factory=dict)
