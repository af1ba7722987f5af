"""Standardization of columns to mean 0 and standard deviation 1."""

from collections.abc import Iterable

import attrs
import numpy as np

from gmcore.domain import Array, RowBlock, Shape, Variables
from gmcore.nn.layers.defaults import describe_by_repr, same_shape
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.preprocessing.statistics import means_and_variances
from gmcore.ports import Layer, Pass

__all__ = ["Standardize", "mean_and_scale"]

_BLOCK = 65_536


@attrs.frozen(kw_only=True)
class Standardize(Layer):
    """`(x - mean) * gain`, with each column's mean and inverse population standard deviation in the training rows.

    The gain is 0 for a column that is constant in the training rows: its weights can't be learned, so a different
    value in a held-out row must not reach them.
    """

    output_shape = same_shape
    describe = describe_by_repr

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables(buffers={"mean": np.zeros(input_shape), "gain": np.ones(input_shape)})

    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables with each column's weighted mean and gain; unchanged if there are no rows."""
        found = mean_and_scale(blocks)
        if found is None:
            return variables
        mean, scale = found
        gain = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        return Variables(variables.params, {"mean": mean, "gain": gain})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        buffers = variables.buffers
        return (inputs - per_column(buffers["mean"], inputs)) * per_column(buffers["gain"], inputs)


def mean_and_scale(blocks: Iterable[RowBlock]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return each column's mean and population standard deviation (ddof 0), float64; None if there are no rows.

    A row of weight 2 counts as two rows. NaN are ignored; the mean of a column of NaN is 0. The standard deviation of a
    constant column is exactly 0: where the variance is within rounding of 0, by the bound that scikit-learn's
    `StandardScaler` uses for a block's rows.
    """
    moments = means_and_variances(blocks)
    if moments is None:
        return None
    count, mean, variance = moments
    # Rounding errors accumulate within a block; merging blocks adds almost none.
    reach = np.minimum(count, _BLOCK) * np.finfo(np.float64).eps
    with np.errstate(over="ignore"):
        constant = variance <= reach * variance + np.square(reach * mean)
    return mean, np.where(constant, 0.0, np.sqrt(variance))
