"""The cosine distance, and unit vectors for losses of angles."""

from collections.abc import Mapping
from typing import ClassVar

import attrs

from gmcore.domain import Array
from gmcore.nn.losses.numeric_loss import NumericLoss
from gmcore.ports import Namespace

__all__ = ["CosineDistance", "unit"]

_EPSILON = 1e-12


def unit(vectors: Array, xp: Namespace) -> Array:
    """Return `v / sqrt(|v|² + 1e-12)` for vectors on the last axis, as in `torch.nn.CosineEmbeddingLoss`."""
    return vectors / xp.sqrt(xp.sum(xp.square(vectors), axis=-1, keepdims=True) + _EPSILON)


@attrs.frozen(kw_only=True)
class CosineDistance(NumericLoss):
    """One minus the cosine of the angle between outputs and targets, which are vectors with a number in each column.

    Only directions count: the length of the outputs is not determined. The model must not rescale the targets.

    Formula:
        `cosine = 1 - x·y / (sqrt(|x|² + 1e-12) sqrt(|y|² + 1e-12))` for the outputs `x` and targets `y` of a row.

    Source:
        `torch.nn.CosineEmbeddingLoss` for pairs that are alike.
    """

    name: ClassVar = "cosine"
    each: ClassVar = "number of a vector"

    def predictions(self, outputs: Array, *, xp: Namespace) -> Array:  # noqa: ARG002 - as outputs are
        """Return the outputs."""
        return outputs

    def of_rows(
        self,
        outputs: Array,
        targets: Array,
        *,
        settings: Mapping[str, Array],  # noqa: ARG002 - none here
        xp: Namespace,
    ) -> Array:
        return 1 - xp.sum(unit(outputs, xp) * unit(targets, xp), axis=-1)
