"""Columns get mean 0 and standard deviation 1."""

from collections.abc import Iterable

import attrs
import numpy as np

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.layers.stateless import by_settings, same_shape
from gmcore.nn.preprocessing.statistics import means_and_variances
from gmcore.ports import Layer, Namespace

__all__ = ["Standardize", "mean_and_scale"]

_BLOCK = 65_536


@attrs.frozen(kw_only=True)
class Standardize(Layer):
    """`(x - mean) gain`, with each column's mean, and one over its population standard deviation, as it learnt them.

    The gain is 0 for a column that did not vary: no weight could learn what a change of it means, and a
    value that is new in a held-out row would otherwise reach those weights in units of nothing.
    """

    output_shape = same_shape
    describe = by_settings

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables(buffers={"mean": np.zeros(input_shape), "gain": np.ones(input_shape)})

    def adapt(self, variables: Variables, blocks: Iterable[np.ndarray]) -> Variables:
        """Return the variables with the columns' means and gains; as they were if there are no rows."""
        learnt = mean_and_scale(blocks)
        if learnt is None:
            return variables
        mean, scale = learnt
        gain = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        return Variables(variables.params, {"mean": mean, "gain": gain})

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        buffers = variables.buffers
        return (inputs - per_column(buffers["mean"], inputs)) * per_column(buffers["gain"], inputs), buffers


def mean_and_scale(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the mean and population standard deviation (ddof 0) over all rows, in float64, without NaN.

    The scale is exactly 0 where nothing varies, that is, where the variance is within rounding of 0, by
    the bound that scikit-learn's `StandardScaler` uses, for a block's rows; the mean is 0 where there is nothing but
    NaN. There is nothing to return if there are no rows.
    """
    moments = means_and_variances(blocks)
    if moments is None:
        return None
    count, mean, variance = moments
    # Rounding adds up within a block; merging blocks adds next to nothing.
    reach = np.minimum(count, _BLOCK) * np.finfo(np.float64).eps
    with np.errstate(over="ignore"):
        constant = variance <= reach * variance + np.square(reach * mean)
    return mean, np.where(constant, 0.0, np.sqrt(variance))
