"""The base of metrics that score each class by itself: which class is scored, or how the scores are averaged."""

import copy
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import attrs
import numpy as np
from attrs.validators import in_, instance_of, optional

from gmcore.domain import Schema, TargetKind
from gmcore.errors import ConfigError, did_you_mean
from gmcore.nn.metrics import NamedByOptions, needs_labels, ratio
from gmcore.ports import SupportsDirection

__all__ = ["Average", "ClassScores", "needs_schema"]

Average = Literal["auto", "macro", "weighted", "micro", "per_class"]
_AVERAGES = ("auto", "macro", "weighted", "micro", "per_class")


@attrs.frozen(kw_only=True)
class ClassScores(NamedByOptions, SupportsDirection):
    """A score of each class or label; higher is better.

    The number is that of the class `positive`, or of the second of two classes, or an average over the classes; or
    there is one number for each class, `f1[setosa]`.
    """

    unnamed: ClassVar = ("positive", "average")

    positive: str | None = attrs.field(default=None, validator=optional(instance_of(str)))
    average: Average = attrs.field(default="auto", validator=in_(_AVERAGES))
    _target: tuple[TargetKind, tuple[str, ...]] | None = attrs.field(init=False, default=None)
    """The kind of the target, and its classes or labels, in a bound metric."""

    @average.validator
    def _check_average(self, _: object, value: str) -> None:
        if self.positive is not None and value != "auto":
            raise ValueError(f"'average' must be left out if 'positive' names one class, got '{value}'")

    @property
    def name(self) -> str:
        if self.positive is not None:
            return self._name_of(self.positive)
        stem = super().name
        return stem if self.average == "auto" else f"{stem}_{self.average}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the numbers.

        Raises:
            ConfigError: if there is one for each class, and the metric is not bound.
        """
        return tuple(map(self._name_of, self._classes)) if self.average == "per_class" else (self.name,)

    @property
    def higher_is_better(self) -> Mapping[str, bool]:
        # Numbers of each class have no names before the classes are known.
        unknown = self.average == "per_class" and self._target is None
        return {} if unknown else dict.fromkeys(self.names, True)

    def bind(self, schema: Schema) -> Self:
        """Return a copy that knows the classes or labels of the schema.

        Raises:
            ConfigError: if the target holds numbers, or has no class `positive`.
        """
        needs_labels(self, schema)
        target = schema.target
        classes = target.classes if target.is_classification else target.names
        if self.positive is not None and self.positive not in classes:
            raise ConfigError(
                [f"{self.kind}.positive: no class named '{self.positive}'{did_you_mean(self.positive, classes)}"]
            )
        bound = copy.copy(self)
        object.__setattr__(bound, "_target", (target.kind, classes))  # no one else has the copy yet
        return bound

    def place_of_one(self, classes: int) -> int | None:
        """Return the index of the class whose score is the number, or None for all of them.

        Args:
            classes: the number of classes or labels.
        """
        if self.positive is not None:
            return self._classes.index(self.positive)
        has_labels = self._target is not None and self._target[0] is TargetKind.MULTILABEL
        return 1 if self.average == "auto" and classes == 2 and not has_labels else None  # noqa: PLR2004

    def over_classes(self, scores: np.ndarray, *, actual: np.ndarray, counts: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the metric's numbers, by name, from the scores of the classes.

        Args:
            scores: `(…, classes)`.
            actual: `(…, classes)`, the weights of the rows of the classes, by which the weighted mean is taken.
            counts: `(…, classes)`, whether a class counts in a mean.
        """
        if self.average == "per_class":
            return {name: scores[..., place] for place, name in enumerate(self.names)}
        place = self.place_of_one(scores.shape[-1])
        if place is not None:
            return {self.name: scores[..., place]}
        shares = np.where(counts, actual if self.average == "weighted" else 1.0, 0.0)
        return {self.name: ratio(np.where(shares > 0, shares * scores, 0.0).sum(axis=-1), shares.sum(axis=-1))}

    def _name_of(self, label: str) -> str:
        return f"{super().name}[{label}]"

    @property
    def _classes(self) -> tuple[str, ...]:
        if self._target is None:
            raise needs_schema(self.kind)
        return self._target[1]


def needs_schema(kind: str) -> ConfigError:
    """Return the error for a metric that is used without a schema, whose classes it needs."""
    return ConfigError([f"{kind}: needs the classes of a schema: use the metric that bind returns"])
