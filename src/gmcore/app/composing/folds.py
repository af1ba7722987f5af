"""A cross-validator of folds that are given as row indices."""

from collections.abc import Iterable, Iterator

import attrs
import numpy as np

from gmcore.domain import Fold, Rows
from gmcore.errors import ConfigError
from gmcore.ports import CrossValidator

__all__ = ["GivenFolds"]


@attrs.frozen(kw_only=True, eq=False)
class GivenFolds(CrossValidator):
    """A cross-validator that yields given folds.

    Attributes:
        given: the folds, in order.
    """

    given: tuple[Fold, ...]

    @classmethod
    def of(cls, folds: Iterable[object]) -> "GivenFolds":
        """Return the cross-validator of some folds.

        Args:
            folds: each a `Fold`, or a pair of training and validation row indices.

        Raises:
            ConfigError: if an element is neither.
        """
        return cls(given=tuple(_fold(index, one) for index, one in enumerate(folds)))

    def folds(self, rows: Rows) -> Iterator[Fold]:  # noqa: ARG002 - `folds_of` checks that they are of these rows
        return iter(self.given)


def _fold(index: int, given: object) -> Fold:
    if isinstance(given, Fold):
        return attrs.evolve(given, index=index)
    if not isinstance(given, tuple | list) or len(given) != 2:  # noqa: PLR2004 - training and validation
        raise ConfigError([f"folds[{index}]: must be a pair of row index arrays, for training and for validation"])
    train, validation = (np.asarray(indices) for indices in given)
    if any(indices.dtype.kind not in "iu" or indices.ndim != 1 for indices in (train, validation)):
        raise ConfigError([f"folds[{index}]: row indices must be one-dimensional arrays of whole numbers"])
    return Fold(index=index, train=train.astype(np.int64), validation=validation.astype(np.int64))
