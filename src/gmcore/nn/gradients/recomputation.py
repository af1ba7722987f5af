"""Recomputation of intermediate values, also called gradient or activation checkpointing."""

import attrs

from gmcore.nn.gradients.with_then import WithThen
from gmcore.ports import Backend, Pass

__all__ = ["Recomputation"]


@attrs.frozen(kw_only=True)
class Recomputation(WithThen):
    """Keeps the outputs of few layers, and computes the others again in the backward pass: less memory, more time.

    The numbers are those of backpropagation, random ones included. `Sequential` cuts its layers into blocks, and keeps
    what enters a block: of a deep network, memory falls from that of all layers to that of about `2 √n`, and a step
    takes up to a third more time. Blocks need several layers: a model that is no `Sequential` inside, or has up to
    three layers, takes as much memory as before.

    Formula:
        `Sequential` of `n` layers, those inside its layers included: blocks of at most `⌊√n⌋` layers, each
        `checkpoint(block)`; a layer that contains more than `⌊√n⌋` is cut by itself.

    Source:
        Chen et al., "Training deep nets with sublinear memory cost" (2016), section 4.1; `jax.checkpoint`,
        `torch.utils.checkpoint.checkpoint_sequential`.

    Attributes:
        then: how the gradient is computed otherwise.
    """

    def training_pass(self, at: Pass, *, backend: Backend) -> Pass:
        return attrs.evolve(super().training_pass(at, backend=backend), checkpoint=backend.checkpoint)
