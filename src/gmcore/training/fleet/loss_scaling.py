"""Losses made large before they are differentiated, so that a gradient is not too small for float16."""

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.members import all_finite, per_member
from gmcore.ports import Backend, Namespace

__all__ = ["LossScaling", "loss_scaling"]


@attrs.frozen(kw_only=True)
class LossScaling:
    """Each member's loss is multiplied by a number of its own, which goes as far up as its gradients allow.

    The rule is that of `torch.amp.GradScaler`: where gradients are not finite the step is not taken and the scale
    falls; it rises after `interval` steps without that. Scales are powers of two, so that nothing is rounded. At
    scale 1 a step is taken as it is: what is not finite then is no fault of the scale.

    Attributes:
        initial: the scale before the first step.
        interval: steps after which it doubles.
        highest: where it stops doubling.
    """

    initial: float = 2.0**16
    interval: int = 2000
    highest: float = 2.0**32

    def start(self, members: int) -> dict[str, np.ndarray]:
        """Return the state before the first step: what the carry has as `scaling`."""
        return {"scale": np.full(members, self.initial), "streak": np.zeros(members, np.int32)}

    def after(self, state: Tree, gradients: Tree, live: Array, xp: Namespace) -> tuple[Tree, Tree, Array]:
        """Return the true gradients, the state after the step, and who takes it, `(members,)`.

        Args:
            state: before the step.
            gradients: of the losses times the scale.
            live: whose step it is, `(members,)`; the others' state stays.
            xp: the backend's namespace.
        """
        scale, finite = state["scale"], all_finite(gradients, xp)
        true = tree_map(lambda leaf: leaf / per_member(scale, leaf, xp), gradients)
        fails = live & ~finite & (scale > 1)
        streak = xp.where(fails, 0, state["streak"] + xp.astype(live, xp.int32))
        rises = streak >= self.interval
        risen = xp.where(rises, xp.minimum(scale * 2, self.highest), scale)
        after = {"scale": xp.where(fails, scale / 2, risen), "streak": xp.where(rises, 0, streak)}
        return true, after, live & ~fails


def loss_scaling(backend: Backend) -> LossScaling | None:
    """Return how losses are scaled: in float16 alone, since bfloat16 reaches as far down as float32."""
    return LossScaling() if backend.compute == "float16" else None
