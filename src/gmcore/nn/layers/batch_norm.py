"""Batch normalisation."""

import attrs
import numpy as np
from attrs.validators import and_, gt, lt

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.nn.layers.defaults import check_channels, describe_by_repr, of_one_array
from gmcore.nn.layers.per_column import per_column
from gmcore.ports import Layer, Namespace, Pass, SupportsUpdate

__all__ = ["BatchNorm"]

_PAIR = 2.0


@attrs.frozen(kw_only=True)
class BatchNorm(Layer, SupportsUpdate):
    """`(x - mean) / sqrt(variance + epsilon) * gain + bias`, for each channel, the last axis.

    Ioffe and Szegedy, "Batch normalization" (2015). In training, mean and variance are those of the batch, over its
    rows and all axes but the last. Otherwise they are running averages over the training steps,
    `running + momentum (batch - running)`, with the unbiased variance of the batch, as in torch. A row of weight 2
    counts as two rows, and a row of weight 0, such as padding, as none.

    Attributes:
        momentum: share of the newest batch in the running averages.
        epsilon: added to the variance.
    """

    momentum: float = attrs.field(default=0.1, validator=and_(gt(0.0), lt(1.0)))
    epsilon: float = attrs.field(default=1e-5, validator=gt(0.0))

    describe = describe_by_repr

    def output_shape(self, input_shape: Shape) -> Shape:
        if not of_one_array(self, input_shape):
            raise ValueError("BatchNorm needs rows with at least one axis, the channels, got scalars")
        return input_shape

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        channels = self.output_shape(input_shape)[-1:]
        return Variables(
            {"gain": np.ones(channels), "bias": np.zeros(channels)},
            {"mean": np.zeros(channels), "variance": np.ones(channels)},
        )

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        if at.training:
            return self.update(variables, inputs, at)[0]
        running = variables.buffers
        check_channels(self, inputs, running["mean"].shape[0])
        return self._normalised(variables.params, running["mean"], running["variance"], inputs, at.xp)

    def update(self, variables: Variables, inputs: Array, at: Pass) -> tuple[Array, Tree]:
        xp, running = at.xp, variables.buffers
        check_channels(self, inputs, running["mean"].shape[0])
        # Sums over rows are in the wide dtype, as everywhere.
        rows = xp.astype(inputs, xp.float)
        mean, variance, count = _moments(rows, at)
        # Weights that sum to less than 2 can't be counts of rows, so they say nothing about the bias.
        unbiased = variance * xp.where(count >= _PAIR, count / xp.maximum(count - 1, 1.0), 1.0)
        # A batch without any row that counts, as a member with fewer steps has, changes nothing.
        share = xp.where(count > 0, self.momentum, 0.0)
        buffers = {
            "mean": running["mean"] + share * (mean - running["mean"]),
            "variance": running["variance"] + share * (unbiased - running["variance"]),
        }
        return self._normalised(variables.params, mean, variance, inputs, xp), buffers

    def _normalised(self, params: Tree, mean: Array, variance: Array, inputs: Array, xp: Namespace) -> Array:
        scale = params["gain"] / xp.sqrt(variance + self.epsilon)
        outputs = (inputs - per_column(mean, inputs)) * per_column(scale, inputs) + per_column(params["bias"], inputs)
        return xp.astype(outputs, xp.compute)


def _moments(rows: Array, at: Pass) -> tuple[Array, Array, Array]:
    """Return the mean and the population variance of each channel, and the summed weight of their values."""
    xp, axes = at.xp, tuple(range(rows.ndim - 1))
    weights = xp.ones(rows.shape[:1]) if at.weights is None else at.weights
    positions = 1
    for size in rows.shape[1:-1]:
        positions *= size
    count = xp.sum(weights) * positions
    share = xp.reshape(weights / xp.where(count > 0, count, 1.0), (-1, *[1] * (rows.ndim - 1)))
    mean = xp.sum(share * rows, axis=axes)
    variance = xp.sum(share * xp.square(rows - per_column(mean, rows)), axis=axes)
    return mean, variance, count
