"""Columns get mean 0 and standard deviation 1."""

import attrs
import numpy as np

from gmcore.domain import Array, Tree, Variables
from gmcore.nn.layers.layer import Layer, Shape
from gmcore.nn.layers.stateless import by_settings, same_shape
from gmcore.ports import Namespace

__all__ = ["Standardize", "mean_and_scale"]


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

    def adapt(self, variables: Variables, inputs: np.ndarray) -> Variables:
        """Return the variables with the columns' means and gains; as they were if there are no rows."""
        if not len(inputs):
            return variables
        mean, scale = mean_and_scale(inputs)
        gain = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        return Variables(variables.params, {"mean": mean, "gain": gain})

    def apply(
        self, variables: Variables, inputs: Array, *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        buffers = variables.buffers
        return (inputs - buffers["mean"]) * buffers["gain"], buffers


def mean_and_scale(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and population standard deviation (ddof 0) over the first axis, in float64, without NaN.

    The scale is exactly 0 where nothing varies, that is, where the variance is within rounding of 0, by
    the bound that scikit-learn's `StandardScaler` uses; the mean is 0 where there is nothing but NaN.
    """
    columns = np.where(np.isnan(columns).all(axis=0), 0.0, np.asarray(columns, np.float64))
    mean, variance = np.nanmean(columns, axis=0), np.nanvar(columns, axis=0)
    count = np.sum(~np.isnan(columns), axis=0)
    epsilon = np.finfo(np.float64).eps
    constant = variance <= count * epsilon * variance + np.square(count * mean * epsilon)
    return mean, np.where(constant, 0.0, np.sqrt(variance))
