"""Metrics of how well a class is found, from the rows of it and those that are predicted to be of it."""

import math
from abc import abstractmethod
from collections.abc import Mapping

import attrs
import numpy as np
from attrs.validators import and_, gt, lt

from gmcore.builtins.metrics.class_scores import ClassScores
from gmcore.domain import Array
from gmcore.nn.metrics import SumMetric, class_counts, ratio
from gmcore.ports import Namespace

__all__ = ["F1", "NPV", "FBeta", "Precision", "Recall", "Specificity"]


@attrs.frozen(kw_only=True)
class _Detection(ClassScores, SumMetric):
    """A score of each class from the weights of its rows and of those that are predicted to be of it."""

    @abstractmethod
    def score(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the score of each class, `(…, classes)`.

        Args:
            counts: weights of rows, `(…, classes)` each, by the names that `class_counts` gives.
        """

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - classes have none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        return class_counts(predictions, targets, weights, xp=xp)

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        counts = {name: values for name, values in sums.items() if name != "all"}
        if self.average == "micro":
            numbers = {self.name: self.score({name: values.sum(axis=-1) for name, values in counts.items()})}
        else:
            actual = counts["actual"]
            numbers = dict(
                self.over_classes(self.score(counts), actual=actual, counts=(counts["predicted"] > 0) | (actual > 0))
            )
        return {name: np.where(sums["all"] > 0, values, np.nan) for name, values in numbers.items()}


@attrs.frozen(kw_only=True)
class Precision(_Detection):
    """The share of the rows predicted to be of a class that are of it; 0 if none was predicted.

    Formula:
        `precision = TP / (TP + FP)`, of weights of rows.

    Source:
        `sklearn.metrics.precision_score`, with `zero_division=0`.

    Attributes:
        positive: the class or label that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by their
            rows; `"micro"`: over all rows and classes at once; `"per_class"`: one number for each class,
            `precision[setosa]`; `"auto"`: the second of two classes, macro for more and for labels.
    """

    kind = "precision"

    def score(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        return ratio(counts["right"], counts["predicted"], 0.0)


@attrs.frozen(kw_only=True)
class Recall(_Detection):
    """The share of the rows of a class that are predicted to be of it; 0 if there is no such row.

    Formula:
        `recall = TP / (TP + FN)`, of weights of rows.

    Source:
        `sklearn.metrics.recall_score`, with `zero_division=0`.

    Attributes:
        positive: the class or label that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by their
            rows; `"micro"`: over all rows and classes at once; `"per_class"`: one number for each class,
            `recall[setosa]`; `"auto"`: the second of two classes, macro for more and for labels.
    """

    kind = "recall"

    def score(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        return ratio(counts["right"], counts["actual"], 0.0)


@attrs.frozen(kw_only=True)
class F1(_Detection):
    """The harmonic mean of precision and recall; 0 if a class is neither present nor predicted.

    Formula:
        `f1 = 2 TP / (2 TP + FP + FN)`, of weights of rows. The macro average is the mean of the classes' F1, not the
        harmonic mean of macro precision and recall.

    Source:
        van Rijsbergen, "Information Retrieval" (1979); `sklearn.metrics.f1_score`, with `zero_division=0`.

    Attributes:
        positive: the class or label that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by their
            rows; `"micro"`: over all rows and classes at once; `"per_class"`: one number for each class,
            `f1[setosa]`; `"auto"`: the second of two classes, macro for more and for labels.
    """

    kind = "f1"

    def score(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        return ratio(2 * counts["right"], counts["predicted"] + counts["actual"], 0.0)


@attrs.frozen(kw_only=True)
class FBeta(_Detection):
    """The weighted harmonic mean of precision and recall; 0 if a class is neither present nor predicted.

    Formula:
        `fbeta = (1 + β²) TP / ((1 + β²) TP + FP + β² FN)`, of weights of rows; for `β = 1` it is F1.

    Source:
        van Rijsbergen, "Information Retrieval" (1979); `sklearn.metrics.fbeta_score`, with `zero_division=0`.

    Attributes:
        beta: how many times as important recall is as precision; above 0.
        positive: the class or label that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by their
            rows; `"micro"`: over all rows and classes at once; `"per_class"`: one number for each class,
            `fbeta[setosa]`; `"auto"`: the second of two classes, macro for more and for labels.
    """

    kind = "fbeta"
    beta: float = attrs.field(default=2.0, converter=float, validator=and_(gt(0.0), lt(math.inf)))

    def score(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        square = self.beta**2
        return ratio((1 + square) * counts["right"], counts["predicted"] + square * counts["actual"], 0.0)


@attrs.frozen(kw_only=True)
class Specificity(_Detection):
    """The share of the rows that are not of a class that are not predicted to be of it; 0 if there is no such row.

    Formula:
        `specificity = TN / (TN + FP)`, of weights of rows.

    Source:
        `sklearn.metrics.recall_score` of the rows that are not of the class.

    Attributes:
        positive: the class or label that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by their
            rows; `"micro"`: over all rows and classes at once; `"per_class"`: one number for each class,
            `specificity[setosa]`; `"auto"`: the second of two classes, macro for more and for labels.
    """

    kind = "specificity"

    def score(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        return ratio(_rightly_unpredicted(counts), counts["others"], 0.0)


@attrs.frozen(kw_only=True)
class NPV(_Detection):
    """The share of the rows predicted not to be of a class that are not of it; 0 if there is no such row.

    Formula:
        `npv = TN / (TN + FN)`, the negative predictive value, of weights of rows.

    Source:
        `sklearn.metrics.precision_score` of the rows that are not of the class.

    Attributes:
        positive: the class or label that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by their
            rows; `"micro"`: over all rows and classes at once; `"per_class"`: one number for each class,
            `npv[setosa]`; `"auto"`: the second of two classes, macro for more and for labels.
    """

    kind = "npv"

    def score(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        return ratio(_rightly_unpredicted(counts), counts["unpredicted"], 0.0)


def _rightly_unpredicted(counts: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the weight of the rows that neither are of a class nor were predicted to be."""
    return np.asarray(np.maximum(counts["others"] - (counts["predicted"] - counts["right"]), 0.0))
