"""A plugin as somebody else would write it: an optimizer, a schedule, a loss and an activation."""

from collections.abc import Mapping

import attrs
import numpy as np
from attrs.validators import and_, ge, gt, le, lt

from gmcore.domain import Array, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.layers import Activation
from gmcore.nn.optimizers import Leaf, Rule, Slots
from gmcore.nn.settings import member_field, settings_of
from gmcore.ports import Loss, Namespace, Schedule


@attrs.frozen(kw_only=True)
class Signum(Rule):
    """Steps of one length, along the sign of a moving average of the gradients (Bernstein et al., 2018)."""

    learning_rate: float = member_field(default=1e-3, validator=gt(0.0))
    beta: float = attrs.field(default=0.9, validator=and_(ge(0.0), lt(1.0)))
    slots = ("m",)

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        return {"m": self.beta * slots["m"] + (1 - self.beta) * leaf.gradient}

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        return leaf.parameter - leaf.coefficients["learning_rate"] * leaf.xp.sign(slots["m"])


@attrs.frozen(kw_only=True)
class Steps(Schedule):
    """A factor that is multiplied by `gamma` after each part of training.

    Attributes:
        parts: into how many equal parts training is cut.
        gamma: the factor between two of them.
    """

    parts: int = attrs.field(default=3, validator=ge(1))
    gamma: float = attrs.field(default=0.5, validator=and_(gt(0.0), le(1.0)))

    def factor(self, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray) -> np.ndarray:
        return np.asarray(self.gamma ** np.floor(self.parts * np.asarray(step, np.float64) / total_steps))


@attrs.frozen(kw_only=True)
class Modulated(Loss):
    """Binary cross-entropy that counts rows less the better they are predicted (Lin et al., 2017).

    Attributes:
        gamma: how much less; 0: binary cross-entropy.
    """

    gamma: float = member_field(default=2.0, validator=ge(0.0))

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self)

    def check(self, target: Target) -> None:
        if target.kind is not TargetKind.BINARY:
            raise ConfigError([f"modulated needs two classes, and the target {target.names[0]!r} has others"])

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        margin = (2 * xp.astype(targets, xp.float) - 1) * outputs[:, 0]
        return xp.pow(xp.sigmoid(-margin), settings["gamma"]) * xp.softplus(-margin)


@attrs.frozen(kw_only=True)
class Softsign(Activation):
    """`x / (1 + |x|)`."""

    def of(self, x: Array, xp: Namespace) -> Array:
        return x / (1 + xp.abs(x))
