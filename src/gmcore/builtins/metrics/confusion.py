"""Metrics of which classes are taken for which, from the weights of all pairs of an actual and a predicted class."""

import copy
from collections.abc import Mapping
from typing import Literal, Self

import attrs
import numpy as np
from attrs.validators import in_

from gmcore.builtins.metrics.class_scores import needs_schema
from gmcore.domain import Array, Schema
from gmcore.errors import ConfigError
from gmcore.nn.metrics import (
    HigherIsBetter,
    NamedByOptions,
    SumMetric,
    class_counts,
    confusion_counts,
    needs_classes,
    ratio,
)
from gmcore.ports import Namespace, SupportsDirection

__all__ = ["BalancedAccuracy", "CohensKappa", "ConfusionMatrix", "Matthews"]


class _OfConfusion(SumMetric):
    """A metric of the weights `cells`, `(…, actual, predicted)`."""

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - classes have none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        return {"cells": confusion_counts(predictions, targets, weights, xp=xp)}


@attrs.frozen(kw_only=True)
class BalancedAccuracy(SumMetric, HigherIsBetter):
    """The mean over classes of the share of a class's rows that are predicted right; absent classes are left out.

    Formula:
        `balanced_accuracy = mean over classes of TP / (TP + FN)`, of weights of rows.

    Source:
        `sklearn.metrics.balanced_accuracy_score`.
    """

    name = "balanced_accuracy"
    bind = needs_classes

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - classes have none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        counts = class_counts(predictions, targets, weights, xp=xp)
        return {name: counts[name] for name in ("right", "actual")}

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        shares = ratio(sums["right"], sums["actual"], 0.0)
        return {self.name: ratio(shares.sum(axis=-1), (sums["actual"] > 0).sum(axis=-1))}


@attrs.frozen(kw_only=True)
class Matthews(_OfConfusion, HigherIsBetter):
    """Matthews' correlation coefficient between actual and predicted classes: 1 is perfect, 0 no better than chance.

    It is 0 if all rows are of one class, or all are predicted to be.

    Formula:
        `matthews = (c s - Σₖ tₖ pₖ) / √((s² - Σₖ pₖ²) (s² - Σₖ tₖ²))` with the weight `s` of all rows, `c` of those
        predicted right, and `tₖ` and `pₖ` of those that are of class `k` and predicted to be of it.

    Source:
        Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient" (2004);
        `sklearn.metrics.matthews_corrcoef`.
    """

    name = "matthews"
    bind = needs_classes

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        everything = sums["cells"].sum(axis=(-2, -1))
        shares = ratio(sums["cells"], everything[..., None, None])
        actual, predicted = shares.sum(axis=-1), shares.sum(axis=-2)
        together = np.trace(shares, axis1=-2, axis2=-1) - (actual * predicted).sum(axis=-1)
        spread = _of_different(actual) * _of_different(predicted)
        return {self.name: np.where(everything > 0, ratio(together, np.sqrt(spread), 0.0), np.nan)}


def _of_different(shares: np.ndarray) -> np.ndarray:
    """Return how probable it is that two rows differ, `1 - Σ shares²`; exactly 0 if one class has all rows."""
    return np.asarray((shares * (shares.sum(axis=-1, keepdims=True) - shares)).sum(axis=-1))


@attrs.frozen(kw_only=True)
class CohensKappa(NamedByOptions, _OfConfusion, HigherIsBetter):
    """The agreement of actual and predicted classes beyond chance: 1 is perfect, 0 no better than chance.

    NaN if all rows are of one class and predicted to be of it.

    Formula:
        `cohens_kappa = 1 - Σ vₖₗ oₖₗ / Σ vₖₗ eₖₗ` over classes `k`, `l`, with the share `oₖₗ` of rows of `k` predicted
        to be `l`, and `eₖₗ` that of independent ones. `vₖₗ` is `[k ≠ l]`, linear `|k - l|` or quadratic `(k - l)²`.

    Source:
        Cohen, "A coefficient of agreement for nominal scales" (1960), and "Weighted kappa" (1968);
        `sklearn.metrics.cohen_kappa_score` with the `labels` of all classes.

    Attributes:
        weights: what it costs to take a class for another: `"none"`: always the same; `"linear"` or `"quadratic"` in
            their distance in the order of the classes.
    """

    kind = "cohens_kappa"
    weights: Literal["none", "linear", "quadratic"] = attrs.field(
        default="none", validator=in_(("none", "linear", "quadratic"))
    )
    bind = needs_classes

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        cells = sums["cells"]
        by_chance = ratio(
            cells.sum(axis=-1)[..., :, None] * cells.sum(axis=-2)[..., None, :], cells.sum((-2, -1))[..., None, None]
        )
        cost, expected = ((self._costs(cells.shape[-1]) * some).sum(axis=(-2, -1)) for some in (cells, by_chance))
        return {self.name: 1 - ratio(cost, expected)}

    def _costs(self, classes: int) -> np.ndarray:
        apart = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes)))
        return {"none": np.sign(apart), "linear": apart, "quadratic": apart**2}[self.weights]


@attrs.frozen(kw_only=True)
class ConfusionMatrix(NamedByOptions, _OfConfusion, SupportsDirection):
    """The share of rows of each class that are predicted to be of each: `confusion_matrix[cat->dog]`, and so on.

    The first class is the actual one. Higher is better for the diagonal, and lower for all other cells. NaN where no
    row is of the class, or was predicted to be of it.

    Formula:
        `confusion_matrix[k->l] = Σ wᵢ [yᵢ = k] [argmax pᵢ = l] / n`, where `n` is the weight of the rows of class `k`,
        of those predicted to be of class `l`, or of all.

    Source:
        `sklearn.metrics.confusion_matrix` with the `labels` of all classes.

    Attributes:
        normalize: what is 1 in total: the cells of each `"actual"` class, those of each `"predicted"` class, or
            `"all"`.
    """

    kind = "confusion_matrix"
    normalize: Literal["actual", "predicted", "all"] = attrs.field(
        default="actual", validator=in_(("actual", "predicted", "all"))
    )
    _classes: tuple[str, ...] = attrs.field(init=False, default=())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the cells, row by row of the matrix.

        Raises:
            ConfigError: if the metric is not bound.
        """
        if not self._classes:
            raise needs_schema(self.kind)
        return tuple(f"{self.name}[{actual}->{predicted}]" for actual in self._classes for predicted in self._classes)

    @property
    def higher_is_better(self) -> Mapping[str, bool]:
        # The cells have no names before the classes are known.
        if not self._classes:
            return {}
        return dict(zip(self.names, np.eye(len(self._classes), dtype=bool).ravel().tolist(), strict=True))

    def bind(self, schema: Schema) -> Self:
        needs_classes(self, schema)
        bound = copy.copy(self)
        object.__setattr__(bound, "_classes", schema.target.classes)  # no one else has the copy yet
        if len(set(bound.names)) < len(bound.names):
            raise ConfigError(
                [f"{self.kind}: two cells have the same name: rename the classes whose names contain '->'"]
            )
        return bound

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        cells = sums["cells"]
        axes = {"actual": (-1,), "predicted": (-2,), "all": (-2, -1)}[self.normalize]
        shares = ratio(cells, cells.sum(axis=axes, keepdims=True))
        return dict(zip(self.names, np.moveaxis(shares.reshape(*cells.shape[:-2], -1), -1, 0), strict=True))
