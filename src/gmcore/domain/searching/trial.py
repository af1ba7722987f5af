"""The result of one trial of a search."""

import math
from collections.abc import Mapping

import attrs
import numpy as np

__all__ = ["TrialResult"]


@attrs.frozen(kw_only=True, eq=False)
class TrialResult:
    """The scores of one set of hyperparameters, on every fold.

    Attributes:
        index: index of the trial, from 0.
        settings: the hyperparameters, by their path in the run file.
        scores: the loss and each metric by name, one number per fold, `(folds,)` float64; NaN if there is none.
        epochs: number of epochs that each fold's model trained, `(folds,)`.
        metric: name of the score that ranks trials.
        failure: why the training of one of its models failed; None if none did.
    """

    index: int
    settings: Mapping[str, object]
    scores: Mapping[str, np.ndarray]
    epochs: np.ndarray
    metric: str
    failure: str | None = None

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each score over folds."""
        return {name: float(np.mean(values)) for name, values in self.scores.items()}

    @property
    def std(self) -> dict[str, float]:
        """Population standard deviation (ddof 0) of each score over folds."""
        with np.errstate(invalid="ignore"):  # of infinity it is NaN
            return {name: float(np.std(values)) for name, values in self.scores.items()}

    @property
    def value(self) -> float:
        """The score that ranks it: the mean of `metric` over folds."""
        return self.mean[self.metric]

    @property
    def failed(self) -> bool:
        """Whether it can't be ranked: the training of a model failed, or its score or loss is not finite."""
        numbers = self.value, self.mean["loss"]
        return self.failure is not None or not all(map(math.isfinite, numbers))
