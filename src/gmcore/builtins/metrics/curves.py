"""Areas under curves: metrics of how the rows of a class are ranked, which need all rows at once."""

from abc import abstractmethod
from collections.abc import Mapping
from itertools import permutations
from typing import Literal, Self

import attrs
import numpy as np
from attrs.validators import in_

from gmcore.builtins.metrics.class_scores import ClassScores
from gmcore.domain import Schema, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.metrics import counted, ratio
from gmcore.ports import MetricComputer

__all__ = ["ROCAUC", "AveragePrecision"]


@attrs.frozen(kw_only=True)
class _Curve(ClassScores, MetricComputer):
    """The area under a curve of each class against the rest, from its rows at each distinct probability."""

    @abstractmethod
    def area(self, of_class: np.ndarray, of_others: np.ndarray) -> float:
        """Return the area of one class; NaN if it is undefined.

        Args:
            of_class: weight of the rows of the class, `(probabilities,)`, by their probability, lowest first.
            of_others: weight of the other rows, by the same probabilities.
        """

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        rows = counted(predictions, targets, weights)
        with np.errstate(all="ignore"):
            return {name: float(number) for name, number in self._numbers(*rows).items()}

    def _numbers(self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Mapping[str, np.ndarray]:
        classes = predictions.shape[1]
        if self.average == "micro":
            had = targets > 0 if targets.ndim > 1 else targets[:, None] == np.arange(classes)
            return {self.name: np.asarray(self._area(predictions.ravel(), had.ravel(), np.repeat(weights, classes)))}
        scores, actual, one = np.full(classes, np.nan), np.zeros(classes), self.place_of_one(classes)
        for place in range(classes) if one is None else [one]:
            had = targets[:, place] > 0 if targets.ndim > 1 else targets == place
            scores[place], actual[place] = self._area(predictions[:, place], had, weights), weights[had].sum()
        return self.over_classes(scores, actual=actual, counts=~np.isnan(scores))

    def _area(self, scores: np.ndarray, had: np.ndarray, weights: np.ndarray) -> float:
        distinct, place = np.unique(scores, return_inverse=True)
        if not len(distinct) or np.isnan(distinct[-1]):
            return np.nan
        return self.area(*(np.bincount(place[rows], weights[rows], minlength=len(distinct)) for rows in (had, ~had)))


@attrs.frozen(kw_only=True)
class AveragePrecision(_Curve):
    """The area under the precision-recall curve, in steps: the mean precision at each row of the class that is found.

    NaN if no row is of the class; such a class or label is left out of a mean.

    Formula:
        `average_precision = Σₜ (Rₜ - Rₜ₋₁) Pₜ` over the distinct probabilities `t` of the class, highest first, where
        `Pₜ` and `Rₜ` are precision and recall of the rows whose probability is at least `t`.

    Source:
        `sklearn.metrics.average_precision_score`.

    Attributes:
        positive: the class or label that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that have rows; `"weighted"`: by their rows; `"micro"`: over all
            pairs of a row and a class at once; `"per_class"`: one number for each class, `average_precision[setosa]`;
            `"auto"`: the second of two classes, macro for more and for labels.
    """

    kind = "average_precision"

    def area(self, of_class: np.ndarray, of_others: np.ndarray) -> float:
        found = np.cumsum(of_class[::-1])
        precision = ratio(found, found + np.cumsum(of_others[::-1]), 0.0)
        return float(ratio(np.sum(of_class[::-1] * precision), np.sum(of_class)))


@attrs.frozen(kw_only=True)
class ROCAUC(_Curve):
    """The area under the ROC curve: how often a row of the class is ranked above another row, ties counted half.

    NaN if no row, or every row, is of the class; such a class or label is left out of a mean.

    Formula:
        `roc_auc = Σ wᵢ wⱼ ([pᵢ > pⱼ] + ½ [pᵢ = pⱼ]) / Σ wᵢ wⱼ` over the pairs of a row `i` of the class and a row `j`
        that is not, where `p` is the probability of the class. One versus one, `j` is a row of one other class, and
        the number is the mean over all ordered pairs of classes.

    Source:
        Hand and Till, "A simple generalisation of the area under the ROC curve" (2001), for one versus one;
        `sklearn.metrics.roc_auc_score`.

    Attributes:
        positive: the class or label that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that have rows; `"weighted"`: by their rows; `"micro"`: over all
            pairs of a row and a class at once; `"per_class"`: one number for each class, `roc_auc[setosa]`; `"auto"`:
            the second of two classes, macro for more and for labels.
        multiclass: `"ovr"`: each class against all others; `"ovo"`: against each other class, which does not depend
            on how frequent the classes are unless the average is weighted.
    """

    kind = "roc_auc"
    multiclass: Literal["ovr", "ovo"] = attrs.field(default="ovr", validator=in_(("ovr", "ovo")))

    @multiclass.validator
    def _check_multiclass(self, _: object, value: str) -> None:
        if value == "ovo" and (self.positive is not None or self.average in ("micro", "per_class")):
            raise ValueError("multiclass 'ovo' is a mean over pairs of classes: set 'average' to 'macro' or 'weighted'")

    def bind(self, schema: Schema) -> Self:
        if self.multiclass == "ovo" and schema.target.kind is TargetKind.MULTILABEL:
            raise ConfigError(["roc_auc.multiclass: 'ovo' needs classes, and the target holds several labels"])
        return super().bind(schema)

    def area(self, of_class: np.ndarray, of_others: np.ndarray) -> float:
        outranked = np.cumsum(of_others) - of_others / 2
        pairs = np.sum(of_class) * np.sum(of_others)
        return float(np.sum(of_class * outranked) / pairs) if pairs else np.nan

    def _numbers(self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Mapping[str, np.ndarray]:
        if self.multiclass == "ovr":
            return super()._numbers(predictions, targets, weights)
        present = np.unique(targets)
        rows = {place: (predictions[targets == place], weights[targets == place]) for place in present}
        areas, shares = [], []
        for one, other in permutations(present, 2):
            (own, counts), (others, other_counts) = rows[one], rows[other]
            scores, both = np.concat([own[:, one], others[:, one]]), np.concat([counts, other_counts])
            areas.append(self._area(scores, np.arange(len(both)) < len(own), both))
            shares.append(both.sum() if self.average == "weighted" else 1.0)
        return {self.name: ratio(np.asarray(np.dot(areas, shares)), np.asarray(np.sum(shares)))}
