"""Metrics of how well a class is found: precision, recall and F1."""

import copy
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import attrs
import numpy as np
from attrs.validators import in_, instance_of, optional

from gmcore.domain import Array, Schema
from gmcore.errors import ConfigError, did_you_mean
from gmcore.nn.metrics import HigherIsBetter, SumMetric, needs_classes, ratio, total
from gmcore.ports import Namespace

__all__ = ["F1", "Precision", "Recall"]

_AVERAGES = ("auto", "macro", "weighted", "micro")


@attrs.frozen(kw_only=True)
class _Detection(SumMetric, HigherIsBetter):
    """A score of each class, from the weights of its rows and of those predicted to be of it, averaged over classes."""

    kind: ClassVar[str]
    """The metric's name with default options."""

    positive: str | None = attrs.field(default=None, validator=optional(instance_of(str)))
    average: Literal["auto", "macro", "weighted", "micro"] = attrs.field(default="auto", validator=in_(_AVERAGES))
    _index: int | None = attrs.field(init=False, default=None)  # of the positive class, in a bound metric

    @average.validator
    def _check_average(self, _: object, value: str) -> None:
        if self.positive is not None and value != "auto":
            raise ValueError(f"'average' must be left out if 'positive' names one class, got '{value}'")

    @abstractmethod
    def score(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
        """Return the score of each class.

        Args:
            right: `(…, classes)`, the weight of the rows of a class that were predicted to be of it.
            predicted: `(…, classes)`, the weight of all rows that were predicted to be of it.
            actual: `(…, classes)`, the weight of all rows that are of it.
        """

    @property
    def name(self) -> str:
        if self.positive is not None:
            return f"{self.kind}_{self.positive}"
        return self.kind if self.average == "auto" else f"{self.kind}_{self.average}"

    def bind(self, schema: Schema) -> Self:
        needs_classes(self, schema)
        if self.positive is None:
            return self
        classes = schema.target.classes
        if self.positive not in classes:
            raise ConfigError(
                [f"{self.kind}.positive: no class named '{self.positive}'{did_you_mean(self.positive, classes)}"]
            )
        bound = copy.copy(self)
        object.__setattr__(bound, "_index", classes.index(self.positive))  # no one else has the copy yet
        return bound

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - classes have none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        predicted, actual = (
            xp.one_hot(classes, predictions.shape[-1]) for classes in (xp.argmax(predictions, axis=-1), targets)
        )
        counts = {"right": predicted * actual, "predicted": predicted, "actual": actual}
        return {name: total(rows, weights, xp=xp) for name, rows in counts.items()}

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {self.name: np.where(sums["actual"].sum(axis=-1) > 0, self._averaged(**sums), np.nan)}

    def _averaged(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
        if self.average == "micro":
            return self.score(*(counts.sum(axis=-1) for counts in (right, predicted, actual)))
        scores = self.score(right, predicted, actual)
        if self.positive is not None:
            return np.asarray(scores[..., self._positive_index()])
        if self.average == "auto" and scores.shape[-1] == 2:  # noqa: PLR2004 - the second of two classes
            return np.asarray(scores[..., 1])
        shares = actual if self.average == "weighted" else (predicted > 0) | (actual > 0)
        return ratio((scores * shares).sum(axis=-1), shares.sum(axis=-1))

    def _positive_index(self) -> int:
        if self._index is None:
            raise ConfigError([f"{self.kind}.positive: needs a schema: use the metric that bind returns"])
        return self._index


@attrs.frozen(kw_only=True)
class Precision(_Detection):
    """The share of the rows predicted to be of a class that are of it; 0 if none was predicted.

    Attributes:
        positive: the class that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by
            their rows; `"micro"`: over all rows at once; `"auto"`: the second of two classes, macro for more.
    """

    kind = "precision"

    def score(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return ratio(right, predicted, 0.0)


@attrs.frozen(kw_only=True)
class Recall(_Detection):
    """The share of the rows of a class that are predicted to be of it; 0 if there is no such row.

    Attributes:
        positive: the class that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by
            their rows; `"micro"`: over all rows at once; `"auto"`: the second of two classes, macro for more.
    """

    kind = "recall"

    def score(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return ratio(right, actual, 0.0)


@attrs.frozen(kw_only=True)
class F1(_Detection):
    """The harmonic mean of precision and recall; 0 if a class is neither present nor predicted.

    Attributes:
        positive: the class that is scored; by default the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are present or were predicted; `"weighted"`: by
            their rows; `"micro"`: over all rows at once; `"auto"`: the second of two classes, macro for more.
    """

    kind = "f1"

    def score(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
        return ratio(2 * right, predicted + actual, 0.0)
