"""Losses of the angles between the vectors of a batch."""

import math
from collections.abc import Mapping
from typing import ClassVar

import attrs
from attrs.validators import and_, gt, lt

from gmcore.domain import Array
from gmcore.nn.losses.batch_weights import shares_of
from gmcore.nn.losses.cosine import unit
from gmcore.nn.losses.numeric_loss import NumericLoss
from gmcore.nn.settings import member_field
from gmcore.ports import BatchLoss, Namespace

__all__ = ["Contrastive", "RoutingContrastive"]


class _VectorLoss(NumericLoss, BatchLoss):
    """Base of losses of a batch whose targets are vectors, with a number in each column, and are not rescaled."""

    each: ClassVar = "number of a vector"

    def predictions(self, outputs: Array, *, xp: Namespace) -> Array:  # noqa: ARG002 - as outputs are
        """Return the outputs."""
        return outputs


@attrs.frozen(kw_only=True)
class Contrastive(_VectorLoss):
    """Contrastive loss (InfoNCE): the outputs of a row are to point to its targets rather than to those of other rows.

    It is the cross-entropy of finding a row's targets among those of the batch by the cosines of the angles with its
    outputs, so it depends on the batch size. Only directions count: the length of the outputs is not determined. The
    model must not rescale the targets. For vectors of one kind that are only to differ, see `routing_contrastive`.

    Formula:
        `contrastive = -log(exp(s_ii) / Σ_j exp(s_ij))`, averaged over the rows `i`, with
        `s_ij = cos(outputs_i, targets_j) / temperature`; a row `j` of weight `w` counts `w` times in the sum, too.

    Source:
        van den Oord et al., "Representation learning with contrastive predictive coding" (2018); for each row, as in
        Radford et al., "Learning transferable visual models from natural language supervision" (2021).

    Attributes:
        temperature: divides the cosines; the lower, the more the targets count that are nearest to a row's outputs.
            Above 0.
    """

    name: ClassVar = "contrastive"
    temperature: float = member_field(default=0.1, validator=and_(gt(0.0), lt(math.inf)))

    def of_batch(
        self, outputs: Array, targets: Array, weights: Array, *, settings: Mapping[str, Array], xp: Namespace
    ) -> Array:
        scores = xp.matmul(unit(outputs, xp), xp.permute_dims(unit(targets, xp), (1, 0))) / settings["temperature"]
        rows = xp.arange(outputs.shape[0])
        own = xp.sum(xp.where(rows[:, None] == rows, scores, 0.0), axis=-1)
        # Rows of weight 0 get a score below all cosines, so that none of them is the largest.
        counted = xp.where(weights > 0, scores, -2 / settings["temperature"])
        largest = xp.stop_gradient(xp.max(counted, axis=-1, keepdims=True))
        total = xp.sum(weights * xp.exp(counted - largest), axis=-1)
        losses = xp.log(xp.where(total > 0, total, 1.0)) + (xp.squeeze(largest, -1) - own)
        return xp.sum(shares_of(weights, xp) * losses)


@attrs.frozen(kw_only=True)
class RoutingContrastive(_VectorLoss):
    """Mean cosine of the angles between the outputs of different rows, which drives them apart.

    It depends on no targets: it is the specification's loss for the routes of a mixture, such as the heads of an
    attention, which are the rows here.

    Formula:
        `routing_contrastive = scale · mean(cos(outputs_i, outputs_j))` over the pairs of rows `i < j`. A row of weight
        2 is two rows, which are a pair, too; weights with a sum below 2 count as if it were 2.

    Source:
        The specification's routing contrastive loss.

    Attributes:
        scale: factor of the mean cosine; above 0.
    """

    name: ClassVar = "routing_contrastive"
    scale: float = member_field(default=1.0, validator=and_(gt(0.0), lt(math.inf)))

    def of_batch(
        self, outputs: Array, targets: Array, weights: Array, *, settings: Mapping[str, Array], xp: Namespace
    ) -> Array:
        del targets  # none is needed
        vectors, share = unit(outputs, xp), xp.expand_dims(shares_of(weights, xp), -1)
        # The mean over all pairs is the square of the mean vector; those of a row with itself are taken out.
        pairs = xp.sum(xp.square(xp.sum(share * vectors, axis=0)))
        with_itself = xp.sum(share * xp.square(vectors))
        count = xp.maximum(xp.sum(weights), 2.0)
        return settings["scale"] * (count * pairs - with_itself) / (count - 1)
