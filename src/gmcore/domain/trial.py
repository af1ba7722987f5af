"""How good one trial of a search was."""

import math
from collections.abc import Mapping

import attrs
import numpy as np

__all__ = ["TrialResult"]


@attrs.frozen(kw_only=True, eq=False)
class TrialResult:
    """One set of settings, scored on every fold.

    Attributes:
        index: its place among the trials, from 0.
        settings: what it was trained with, by path into the run file.
        scores: by name, the loss and each metric, one number a fold, `(folds,)`, float64; NaN where there is none.
        epochs: how many each fold's model trained, `(folds,)`.
        metric: the name of the score by which trials are ranked.
        failure: why one of its models could not go on; None where all could.
    """

    index: int
    settings: Mapping[str, object]
    scores: Mapping[str, np.ndarray]
    epochs: np.ndarray
    metric: str
    failure: str | None = None

    @property
    def mean(self) -> dict[str, float]:
        """The mean over folds of each score."""
        return {name: float(np.mean(values)) for name, values in self.scores.items()}

    @property
    def std(self) -> dict[str, float]:
        """The population standard deviation over folds (ddof 0) of each score."""
        with np.errstate(invalid="ignore"):  # of infinity it is NaN
            return {name: float(np.std(values)) for name, values in self.scores.items()}

    @property
    def value(self) -> float:
        """What it is ranked by: the mean of the metric over folds."""
        return self.mean[self.metric]

    @property
    def failed(self) -> bool:
        """Whether it can't be compared: a model could not go on, or that number, or the loss, is not finite."""
        numbers = self.value, self.mean["loss"]
        return self.failure is not None or not all(map(math.isfinite, numbers))
