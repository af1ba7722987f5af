"""L-BFGS: quasi-Newton steps from the last gradients."""

from collections.abc import Callable, Mapping

import attrs
import numpy as np
from attrs.validators import ge

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_leaves, tree_map
from gmcore.nn.optimizers.members import select
from gmcore.nn.optimizers.validators import POSITIVE
from gmcore.nn.settings import member_field, settings_of
from gmcore.ports import Evaluation, Namespace, SupportsEvaluations

__all__ = ["LBFGS"]

# A smaller product of a step and the change of the gradient says nothing about the curvature, as in torch.
_LEAST_CURVATURE = 1e-10
# Share of the decrease that the slope promises, which a step must reach (Armijo's rule).
_SUFFICIENT = 1e-4


@attrs.frozen(kw_only=True)
class LBFGS(SupportsEvaluations):
    """Steps along an approximation of the Newton direction, found from the last steps and changes of the gradient.

    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989): the two-loop recursion.
    The step length starts at the learning rate and is halved until the loss has decreased enough (Armijo's rule); a
    member for which that fails keeps its parameters and forgets its history. The first step is shortened as in
    `torch.optim.LBFGS`. It is meant for full batches: set `batch_size` to at least the number of training rows.

    Attributes:
        learning_rate: step length that is tried first; 1 is the full quasi-Newton step.
        history: number of steps that are remembered.
        evaluations: largest number of step lengths that are tried; all are computed in each step.
    """

    learning_rate: float = member_field(default=1.0, validator=POSITIVE)
    history: int = attrs.field(default=10, validator=ge(1))
    evaluations: int = attrs.field(default=10, validator=ge(1))

    linear_in_rate = ("learning_rate",)

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self)

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        flat = _flat(params, xp)
        members, size = flat.shape
        return {
            "steps": xp.zeros((members, self.history, size)),
            "changes": xp.zeros((members, self.history, size)),
            "params": xp.zeros_like(flat),
            "gradient": xp.zeros_like(flat),
            "started": xp.zeros((members,)),
        }

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {"learning_rate": np.broadcast_to(settings["learning_rate"], step.shape)}

    def update(
        self,
        gradients: Tree,
        state: Tree,
        params: Tree,
        *,
        coefficients: Mapping[str, Array],
        taken: Array,
        xp: Namespace,
    ) -> tuple[Tree, Tree]:
        """Return `(params, state)` after a step whose length is the learning rate, without a line search."""
        flat, gradient = _flat(params, xp), _flat(gradients, xp)
        after, direction = self._remembered(state, flat, gradient, xp)
        length = coefficients["learning_rate"] * _first_length(state, gradient, xp)
        moved = _unflat(flat + length[:, None] * direction, params, xp)
        return select(xp, taken, moved, params), select(xp, taken, after, state)

    def minimize(
        self,
        evaluate: Callable[[Tree], Evaluation],
        first: Evaluation,
        state: Tree,
        params: Tree,
        *,
        coefficients: Mapping[str, Array],
        taken: Array,
        xp: Namespace,
    ) -> tuple[Tree, Tree]:
        flat, gradient = _flat(params, xp), _flat(first.gradients, xp)
        after, direction = self._remembered(state, flat, gradient, xp)
        slope = _dot(gradient, direction, xp)
        # Where rounding turns the direction uphill, a step may not raise the loss.
        promised = _SUFFICIENT * xp.minimum(slope, 0.0)

        def halve(search: Tree, _: Array) -> tuple[Tree, None]:
            length, found = search["length"], search["found"]
            losses = evaluate(_unflat(flat + length[:, None] * direction, params, xp)).losses
            found = found | (losses <= first.losses + length * promised)
            return {"length": xp.where(found, length, length / 2), "found": found}, None

        length = coefficients["learning_rate"] * _first_length(state, gradient, xp)
        search: Tree = {"length": length, "found": ~taken}
        search, _ = xp.scan(halve, search, xp.arange(self.evaluations))
        # Gradients that are not finite move the parameters to NaN, so that the member fails as with other optimizers.
        moves = taken & (search["found"] | ~xp.isfinite(slope))
        moved = _unflat(flat + search["length"][:, None] * direction, params, xp)
        forgotten = tree_map(xp.zeros_like, after)
        after = select(xp, moves, after, forgotten)
        return select(xp, moves, moved, params), select(xp, taken, after, state)

    def _remembered(self, state: Tree, flat: Array, gradient: Array, xp: Namespace) -> tuple[Tree, Array]:
        """Return the state with the last step added, and the quasi-Newton direction, `(members, parameters)`."""
        step, change = flat - state["params"], gradient - state["gradient"]
        useful = (state["started"] > 0) & (_dot(step, change, xp) > _LEAST_CURVATURE)
        steps = _appended(state["steps"], step, useful, xp)
        changes = _appended(state["changes"], change, useful, xp)
        started = xp.ones_like(state["started"])
        after = {"steps": steps, "changes": changes, "params": flat, "gradient": gradient, "started": started}
        return after, -_two_loops(steps, changes, gradient, xp)


def _first_length(state: Tree, gradient: Array, xp: Namespace) -> Array:
    """Return the factor of the learning rate: `min(1, 1 / |gradient|)` for the first step, in the 1-norm, else 1."""
    norm = xp.sum(xp.abs(gradient), axis=1)
    return xp.where(state["started"] > 0, 1.0, xp.minimum(1.0, 1.0 / xp.maximum(norm, 1e-30)))


def _two_loops(steps: Array, changes: Array, gradient: Array, xp: Namespace) -> Array:
    """Return the inverse Hessian's approximation times the gradient; pairs that are zero have no effect."""
    curvatures = xp.sum(steps * changes, axis=2)
    inverse = xp.where(curvatures > 0, 1 / xp.where(curvatures > 0, curvatures, 1.0), 0.0)
    count, shares, q = steps.shape[1], [], gradient
    for place in reversed(range(count)):
        share = inverse[:, place] * _dot(steps[:, place], q, xp)
        q = q - share[:, None] * changes[:, place]
        shares.append(share)
    squares = _dot(changes[:, -1], changes[:, -1], xp)
    known = squares > 0
    q = q * xp.where(known, curvatures[:, -1] / xp.where(known, squares, 1.0), 1.0)[:, None]
    for place, share in zip(range(count), reversed(shares), strict=True):
        back = inverse[:, place] * _dot(changes[:, place], q, xp)
        q = q + (share - back)[:, None] * steps[:, place]
    return q


def _appended(pairs: Array, newest: Array, useful: Array, xp: Namespace) -> Array:
    """Return the pairs, oldest first, with the newest in place of the oldest for members where it is useful."""
    longer = xp.concat([pairs[:, 1:], newest[:, None]], axis=1)
    return xp.where(useful[:, None, None], longer, pairs)


def _dot(one: Array, other: Array, xp: Namespace) -> Array:
    return xp.sum(one * other, axis=1)


def _flat(tree: Tree, xp: Namespace) -> Array:
    """Return a member's leaves in one row, `(members, parameters)`."""
    return xp.concat([xp.reshape(leaf, (leaf.shape[0], -1)) for leaf in tree_leaves(tree)], axis=1)


def _unflat(flat: Array, like: Tree, xp: Namespace) -> Tree:
    """Return rows of `_flat` as a tree with the structure of `like`."""
    start = 0

    def leaf_of(leaf: Array) -> Array:
        nonlocal start
        size = int(np.prod(leaf.shape[1:]))
        part = flat[:, start : start + size]
        start += size
        return xp.reshape(part, leaf.shape)

    return tree_map(leaf_of, like)
