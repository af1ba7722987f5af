"""Activations, each one formula."""

import math
from abc import abstractmethod
from typing import Literal

import attrs
import numpy as np
from attrs.validators import and_, ge, gt, in_, lt

from gmcore.domain import Array, Shape, Variables
from gmcore.nn.layers.defaults import describe_by_repr, same_shape
from gmcore.ports import Layer, Namespace, Pass

__all__ = ["ELU", "GELU", "Activation", "LeakyReLU", "Mish", "ReLU", "SiLU", "Sigmoid", "Softmax", "Tanh"]

_SATURATED = 10.0


class Activation(Layer):
    """Base of layers without variables whose outputs have the shape of their inputs."""

    output_shape = same_shape
    describe = describe_by_repr

    @abstractmethod
    def of(self, x: Array, xp: Namespace) -> Array:
        """Return the activations of `x`, `(batch, …)`, in its shape and dtype.

        It is traced: no `if` on values. Gradients must be finite for all finite `x`; NaN must stay NaN.
        """

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        return Variables()

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        return self.of(inputs, at.xp)


@attrs.frozen(kw_only=True)
class ReLU(Activation):
    """Rectified linear unit, `max(x, 0)`; its gradient at 0 is 0."""

    def of(self, x: Array, xp: Namespace) -> Array:
        return xp.relu(x)


@attrs.frozen(kw_only=True)
class LeakyReLU(Activation):
    """Leaky rectified linear unit, `x` where positive, `negative_slope * x` elsewhere (Maas et al., 2013).

    Attributes:
        negative_slope: slope for negative inputs, from 0 to below 1.
    """

    negative_slope: float = attrs.field(default=0.01, validator=and_(ge(0.0), lt(1.0)))

    def of(self, x: Array, xp: Namespace) -> Array:
        return xp.where(x > 0, x, self.negative_slope * x)


@attrs.frozen(kw_only=True)
class ELU(Activation):
    """Exponential linear unit, `x` where positive, `alpha (exp(x) - 1)` elsewhere (Clevert et al., 2016).

    Attributes:
        alpha: the output tends to `-alpha` for large negative inputs; above 0.
    """

    alpha: float = attrs.field(default=1.0, validator=gt(0.0))

    def of(self, x: Array, xp: Namespace) -> Array:
        negative = xp.where(x > 0, 0.0, x)  # exp would overflow for large positive inputs, and the gradient be NaN
        return xp.where(x > 0, x, self.alpha * xp.expm1(negative))


@attrs.frozen(kw_only=True)
class GELU(Activation):
    """Gaussian error linear unit, `x Phi(x)` with Phi the normal distribution function (Hendrycks and Gimpel, 2016).

    Attributes:
        approximate: `"none"` uses the error function; `"tanh"` the paper's faster formula, with an error of up to 5e-4.
    """

    approximate: Literal["none", "tanh"] = attrs.field(default="none", validator=in_(("none", "tanh")))

    def of(self, x: Array, xp: Namespace) -> Array:
        if self.approximate == "tanh":
            # Beyond, tanh is exactly -1 or 1, and the derivative of the cube may overflow, in float16 from 256 on: the
            # gradient would be NaN.
            near = xp.minimum(xp.maximum(x, -_SATURATED), _SATURATED)
            gate = 1 + xp.tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * (near * near * near)))
        else:
            gate = 1 + xp.erf(x * math.sqrt(0.5))
        return 0.5 * x * gate


@attrs.frozen(kw_only=True)
class SiLU(Activation):
    """Sigmoid linear unit, `x sigmoid(x)`, also called swish (Elfwing et al., 2018)."""

    def of(self, x: Array, xp: Namespace) -> Array:
        return x * xp.sigmoid(x)


@attrs.frozen(kw_only=True)
class Mish(Activation):
    """`x tanh(log(1 + exp(x)))` (Misra, 2019)."""

    def of(self, x: Array, xp: Namespace) -> Array:
        return x * xp.tanh(xp.softplus(x))


@attrs.frozen(kw_only=True)
class Tanh(Activation):
    """Hyperbolic tangent; outputs from -1 to 1."""

    def of(self, x: Array, xp: Namespace) -> Array:
        return xp.tanh(x)


@attrs.frozen(kw_only=True)
class Sigmoid(Activation):
    """Logistic sigmoid, `1 / (1 + exp(-x))`; outputs from 0 to 1."""

    def of(self, x: Array, xp: Namespace) -> Array:
        return xp.sigmoid(x)


@attrs.frozen(kw_only=True)
class Softmax(Activation):
    """`exp(x) / sum(exp(x))` over the last axis.

    A classifier's head needs none: losses take unnormalized scores.
    """

    def of(self, x: Array, xp: Namespace) -> Array:
        return xp.softmax(x, axis=-1)
