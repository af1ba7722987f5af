"""What a forward pass is given besides variables and inputs."""

from collections.abc import Callable
from typing import Any

import attrs

from gmcore.domain import Array
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Pass"]


@attrs.frozen(kw_only=True, eq=False)
class Pass:
    """What a forward pass is given besides variables and inputs.

    Attributes:
        xp: the backend's namespace.
        weights: `(batch,)`, the weight of each row, in `xp.float`; 0 for padding, which must have no effect on other
            rows. None for equal weights of 1. Only what is computed from several rows, such as batch statistics, needs
            them: the core weighs losses itself.
        key: random key, `(2,)` uint32; None outside training, and for a model that needs none.
        training: whether this is a training pass, in which layers such as dropout are active.
        truncation: number of steps, counted in blocks from the end of a sequence, through which gradients flow in
            recurrent layers: the state that enters a block is a constant. None for all steps.
        checkpoint: `Backend.checkpoint` if intermediate values are to be computed again in the backward pass: layers
            that contain others apply it to parts of them. None to keep the values.
    """

    xp: Namespace
    weights: Array | None = None
    key: Array | None = None
    training: bool = False
    truncation: int | None = None
    checkpoint: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None
