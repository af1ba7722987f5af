"""Metrics of how well a class is found."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

import attrs
import numpy as np
from attrs.validators import in_, instance_of, optional

from gmcore.builtins.metrics.fitting import counted, needs_classes, ratio, total
from gmcore.domain import Array, Schema
from gmcore.errors import ConfigError, did_you_mean
from gmcore.ports import MetricComputer, Namespace, SupportsDirection, SupportsSums

__all__ = ["F1", "Precision", "Recall"]

_AVERAGES = ("auto", "macro", "weighted", "micro")


@attrs.define(kw_only=True)
class _Detection(MetricComputer, SupportsDirection, SupportsSums):
    """A number made of how often each class was right, predicted and there."""

    name: ClassVar[str]

    positive: str | None = attrs.field(default=None, validator=optional(instance_of(str)))
    average: Literal["auto", "macro", "weighted", "micro"] = attrs.field(default="auto", validator=in_(_AVERAGES))
    _index: int | None = attrs.field(init=False, default=None)

    @average.validator
    def _check_average(self, _: object, value: str) -> None:
        if self.positive is not None and value != "auto":
            raise ValueError(f"'average' must be left out where 'positive' names one class, got '{value}'")

    @abstractmethod
    def score(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
        """Return the number for each class, the last axis, from its weights of right, predicted and actual rows."""

    @property
    def higher_is_better(self) -> Mapping[str, bool]:
        return {self.name: True}

    def check(self, schema: Schema) -> None:
        needs_classes(self.name, schema)
        if self.positive is not None:
            classes = schema.target.classes
            if self.positive not in classes:
                raise ConfigError(
                    [f"{self.name}.positive: no class '{self.positive}'{did_you_mean(self.positive, classes)}"]
                )
            self._index = classes.index(self.positive)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        width = predictions.shape[1]
        found = predictions.argmax(axis=1)
        predicted = np.bincount(found, weights, width)
        actual = np.bincount(targets, weights, width)
        right = np.bincount(targets[found == targets], weights[found == targets], width)
        return {self.name: float(self._averaged(right, predicted, actual))}

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
        return {self.name: self._averaged(**sums)}

    def _averaged(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
        """Return the number from weights whose last axis are the classes; NaN without any."""
        numbers = self._number(right, predicted, actual)
        return np.where(actual.sum(axis=-1) > 0, numbers, np.nan)

    def _number(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
        if self.average == "micro":
            sums = [counts.sum(axis=-1, keepdims=True) for counts in (right, predicted, actual)]
            return self.score(*sums)[..., 0]
        scores = self.score(right, predicted, actual)
        if self.average == "weighted":
            return ratio((scores * actual).sum(axis=-1), actual.sum(axis=-1))
        if self.positive is not None:
            if self._index is None:
                raise RuntimeError("check must be called first: it finds the positive class in the schema")
            return np.asarray(scores[..., self._index])
        if self.average == "auto" and scores.shape[-1] == 2:  # noqa: PLR2004 - the second of two classes
            return np.asarray(scores[..., 1])
        known = (predicted > 0) | (actual > 0)
        return ratio((scores * known).sum(axis=-1), known.sum(axis=-1))


@attrs.define(kw_only=True)
class Precision(_Detection):
    """How many of the rows that were taken for a class are of it; 0 where none was.

    Attributes:
        positive: the class that counts; without, the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are there or were predicted; `"weighted"`: by
            their rows; `"micro"`: over all rows at once; `"auto"`: the second of two classes, macro for more.
    """

    name = "precision"

    def score(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return ratio(right, predicted, 0.0)


@attrs.define(kw_only=True)
class Recall(_Detection):
    """How many of the rows of a class are taken for it; 0 where there is none.

    Attributes:
        positive: the class that counts; without, the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are there or were predicted; `"weighted"`: by
            their rows; `"micro"`: over all rows at once; `"auto"`: the second of two classes, macro for more.
    """

    name = "recall"

    def score(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return ratio(right, actual, 0.0)


@attrs.define(kw_only=True)
class F1(_Detection):
    """The harmonic mean of precision and recall; 0 where a class is neither there nor predicted.

    Attributes:
        positive: the class that counts; without, the second of two classes, or the average over more.
        average: `"macro"`: the mean over the classes that are there or were predicted; `"weighted"`: by
            their rows; `"micro"`: over all rows at once; `"auto"`: the second of two classes, macro for more.
    """

    name = "f1"

    def score(self, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
        return ratio(2 * right, predicted + actual, 0.0)
