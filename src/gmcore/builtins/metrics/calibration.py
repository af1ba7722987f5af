"""Metrics of whether rows predicted with a probability are right as often as it says."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.metrics import LowerIsBetter, NamedByOptions, SumMetric, needs_classes, ratio
from gmcore.nn.settings import whole_number
from gmcore.ports import Namespace

__all__ = ["ECE"]


@attrs.frozen(kw_only=True)
class ECE(NamedByOptions, SumMetric, LowerIsBetter):
    """The expected calibration error: how far the highest probability of a row is from how often it is right.

    Formula:
        `ece = Σₘ |Σᵢ wᵢ ([argmax pᵢ = yᵢ] - max pᵢ)| / Σ wᵢ`, where bin `m` of `M` has the rows `i` with
        `(m - 1) / M < max pᵢ ≤ m / M`.

    Source:
        Guo et al., "On calibration of modern neural networks" (2017).

    Attributes:
        bins: number of bins of equal width.
    """

    kind = "ece"
    bins: int = attrs.field(default=15, validator=whole_number)
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
        confidence = xp.max(predictions, axis=-1)
        right = xp.astype(xp.argmax(predictions, axis=-1) == targets, xp.float)
        gaps = xp.where(weights > 0, weights * (right - confidence), 0.0)
        edges = xp.astype(xp.arange(self.bins - 1) + 1, xp.float) / self.bins
        bins = xp.sum(xp.astype(xp.expand_dims(confidence, -1) > edges, xp.int32), axis=-1)
        return {"gaps": xp.segment_sum(gaps, bins, self.bins), "all": xp.sum(weights)}

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {self.name: ratio(np.abs(sums["gaps"]).sum(axis=-1), sums["all"])}
