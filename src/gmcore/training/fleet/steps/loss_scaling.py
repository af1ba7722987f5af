"""Loss scaling: losses are multiplied before they are differentiated, so that small gradients survive float16."""

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.members import all_finite, per_member
from gmcore.ports import Backend, Namespace, Optimizer, SupportsEvaluations
from gmcore.training.fleet.trees import LossScale

__all__ = ["LossScaling", "loss_scaling", "unscalable"]


@attrs.frozen(kw_only=True)
class LossScaling:
    """Dynamic loss scaling, with one scale per member, by the rule of `torch.amp.GradScaler`.

    A step whose gradients are not finite is skipped and halves the scale; `interval` steps without one double it.
    Scales are powers of two, so scaling rounds nothing. At scale 1 a step is taken in any case: if its gradients are
    not finite, then not because of the scale.

    Attributes:
        initial: scale before the first step.
        interval: steps after which the scale doubles.
        highest: largest scale.
    """

    initial: float = 2.0**16
    interval: int = 2000
    highest: float = 2.0**32

    def initial_state(self, members: int) -> LossScale:
        """Return the state before the first step, NumPy arrays."""
        return {"scale": np.full(members, self.initial), "streak": np.zeros(members, np.int32)}

    def unscale(self, state: LossScale, gradients: Tree, taken: Array, xp: Namespace) -> tuple[Tree, LossScale, Array]:
        """Return the unscaled gradients, the state after this step, and the mask of the members that take the step.

        Args:
            state: before the step.
            gradients: of the losses times the scale.
            taken: mask of the members that would take the step, `(members,)`; the state of the others stays.
            xp: the backend's namespace.
        """
        scale, finite = state["scale"], all_finite(gradients, xp)
        unscaled = tree_map(lambda leaf: leaf / per_member(scale, leaf, xp), gradients)
        overflowed = taken & ~finite & (scale > 1)
        streak = xp.where(overflowed, 0, state["streak"] + xp.astype(taken, xp.int32))
        doubles = streak >= self.interval
        grown = xp.where(doubles, xp.minimum(scale * 2, self.highest), scale)
        after: LossScale = {
            "scale": xp.where(overflowed, scale / 2, grown),
            "streak": xp.where(doubles, 0, streak),
        }
        return unscaled, after, taken & ~overflowed


def loss_scaling(backend: Backend) -> LossScaling | None:
    """Return the loss scaling of a backend: in float16 only, since bfloat16 has the range of float32."""
    return LossScaling() if backend.compute == "float16" else None


def unscalable(optimizer: Optimizer, compute: str | None) -> str | None:
    """Return why an optimizer can't be used with a dtype of matrix products; None if it can."""
    if compute != "float16" or not isinstance(optimizer, SupportsEvaluations):
        return None
    problem = f"{type(optimizer).__name__} evaluates losses itself, which training in float16 can't scale"
    return f'training.optimizer: {problem}: set precision = "bfloat16", or leave it out'
