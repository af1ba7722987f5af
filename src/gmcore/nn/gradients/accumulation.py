"""Gradient accumulation."""

import attrs

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.gradients.with_then import WithThen
from gmcore.nn.optimizers.members import select
from gmcore.nn.settings import whole_number
from gmcore.ports import Backend, FleetLoss, Losses

__all__ = ["Accumulation"]


@attrs.frozen(kw_only=True)
class Accumulation(WithThen):
    """Computes a batch in parts, one after the other, and adds up their gradients: the memory is that of one part.

    Rows count by their weights, so the result equals that of the whole batch up to rounding, also where parts have
    different numbers of rows. Exceptions are what depends on the batch itself: batch statistics, such as those of
    `BatchNorm`, and batch losses, such as `PearsonCorrelation`, are those of a part; buffers change with each part; and
    each part draws its own random numbers.

    Formula:
        `∇ = Σ_p ∇ Σ_{i in p} w_i · loss_i / Σ_{all i} w_i` over the parts `p`, of `⌈rows / parts⌉` rows each; rows that
        fill up the last part have weight 0.

    Source:
        The sum of `backward()` over micro-batches in torch, each weighted by its rows.

    Attributes:
        parts: into how many parts of equal size a batch is cut; the last one is padded.
        then: how the gradient of a part is computed.
    """

    parts: int = attrs.field(validator=whole_number)

    def gradient(
        self, loss: FleetLoss, params: Tree, buffers: Tree, batch: Tree, *, backend: Backend
    ) -> tuple[Losses, Tree]:
        xp = backend.xp
        nothing: Tree = {
            "value": xp.zeros(()),
            "losses": xp.zeros(batch["weights"].shape[:1]),
            "gradients": tree_map(xp.zeros_like, params),
            "buffers": buffers,
        }

        def add(total: Tree, part: Tree) -> tuple[Tree, None]:
            losses, gradients = self.then.gradient(loss, params, total["buffers"], part, backend=backend)
            value, (of_members, after) = losses
            counts = xp.any(part["weights"] > 0, axis=1)
            return {
                "value": total["value"] + value,
                "losses": total["losses"] + of_members,
                "gradients": tree_map(lambda one, other: one + other, total["gradients"], gradients),
                # A part in which a member has no rows changes nothing.
                "buffers": select(xp, counts, after, total["buffers"]),
            }, None

        total, _ = xp.scan(add, nothing, _parts(batch, self.parts, backend))
        return (total["value"], (total["losses"], total["buffers"])), total["gradients"]

    def rows_at_once(self, batch_size: int) -> int:
        return self.then.rows_at_once(-(-batch_size // self.parts))


def _parts(batch: Tree, count: int, backend: Backend) -> Tree:
    """Return a batch cut into parts of equal size, `(parts, members, rows, …)`; padding has weight 0."""
    xp = backend.xp
    rows = batch["weights"].shape[1]
    size = -(-rows // count)
    count = -(-rows // size)
    # Padding repeats the last row.
    indices = xp.minimum(xp.arange(count * size), rows - 1)
    real = xp.astype(xp.arange(count * size) < rows, batch["weights"].dtype)

    def cut(leaf: Array) -> Array:
        padded = xp.take(leaf, indices, axis=1) if count * size > rows else leaf
        parts = xp.reshape(padded, (leaf.shape[0], count, size, *leaf.shape[2:]))
        return xp.permute_dims(parts, (1, 0, *range(2, parts.ndim)))

    cut_rows = {name: tree_map(cut, batch[name]) for name in ("inputs", "targets", "weights")}
    if count * size > rows:
        cut_rows["weights"] = cut_rows["weights"] * xp.reshape(real, (count, 1, size))
    keys = {"key": _keys(batch["key"], count, backend)} if "key" in batch else {}
    return {**cut_rows, **keys}


def _keys(keys: Array, count: int, backend: Backend) -> Array:
    """Return keys of their own for each part, `(parts, members, 2)`."""
    fold = backend.xp.random.fold_in
    return backend.xp.stack([backend.vmap(lambda key, part=part: fold(key, part))(keys) for part in range(count)])
