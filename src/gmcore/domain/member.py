"""One model of a fleet."""

from collections.abc import Mapping

import attrs
import numpy as np

__all__ = ["Member"]

_NONE = np.empty(0, np.int64)


@attrs.frozen(kw_only=True, eq=False)
class Member:
    """What tells one member of a fleet from the others.

    Everything random in its training is a function of `seed`, `index` and the place in training,
    so its numbers are the same in whichever fleet it trains.

    Attributes:
        index: who it is, from 0; not its place in a chunk.
        train: rows to train on, `(n,)`, int64.
        stop: rows that early stopping watches, `(m,)`, int64; none: no early stopping.
        score: rows to score on once it is trained, `(s,)`, int64, possibly none.
        seed: where its randomness starts.
        settings: hyperparameters that are its own, such as `{"learning_rate": 1e-3}`, of the optimizer or of a
            model that `SupportsSettings`; theirs for the rest.
    """

    index: int = 0
    train: np.ndarray
    stop: np.ndarray = _NONE
    score: np.ndarray = _NONE
    seed: int = 0
    settings: Mapping[str, float] = attrs.field(factory=dict)
