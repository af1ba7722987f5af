"""L-BFGS: quasi-Newton steps from the last gradients."""

from collections.abc import Callable, Mapping

import attrs
import numpy as np
from attrs.validators import ge

from gmcore.domain import Array, Tree
from gmcore.nn.optimizers.members import select
from gmcore.nn.optimizers.packing import Packing
from gmcore.nn.optimizers.strong_wolfe import strong_wolfe
from gmcore.nn.optimizers.validators import NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field, settings_of
from gmcore.ports import Evaluation, Namespace, SupportsEvaluations

__all__ = ["LBFGS"]

# A smaller product of a step and the change of the gradient says nothing about the curvature, as in torch.
_LEAST_CURVATURE = 1e-10


@attrs.frozen(kw_only=True)
class LBFGS(SupportsEvaluations):
    """Quasi-Newton steps, found from the last steps and changes of the gradient, with a strong-Wolfe line search.

    One step is one iteration of `torch.optim.LBFGS(line_search_fn="strong_wolfe")` with the options `max_iter=1` and
    `max_eval=evaluations`; twenty steps on a full batch are its step with `max_iter=20`, until that stops early. It is
    meant for full batches: set `batch_size` to at least the number of training rows. A step takes the time of
    `evaluations` passes forward and backward, however few a member needs.

    Formula:
        `s` and `y` are the last `history` steps and changes of the gradient with `s·y > 1e-10`, and
        `c = s·y / y·y` of the newest pair, 1 without any.
        `direction = -H gradient`: the two-loop recursion with the pairs `(s, y)` from `c` times the identity.
        `length`: from `learning_rate` on, in the first step from `learning_rate * min(1, 1 / ‖gradient‖₁)`, searched
        with cubic interpolation until, for the loss `f(length)` along the direction,
        `f(length) ≤ f(0) + 1e-4 length f'(0)` and `|f'(length)| ≤ 0.9 |f'(0)|`. After `evaluations` lengths, the best
        of them is taken, or the member stays where it is.
        `parameter = parameter + length * direction`, unless `max |gradient| ≤ gradient_tolerance` or
        `f'(0) > -change_tolerance`.

    Source:
        Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989); Nocedal and Wright,
        "Numerical optimization" (2006), algorithms 3.5, 3.6 and 7.4; `torch.optim.LBFGS`.

    Attributes:
        learning_rate: step length that is tried first; 1 is the full quasi-Newton step.
        history: number of steps that are remembered.
        evaluations: largest number of step lengths that are tried; all are computed in each step.
        gradient_tolerance: a member whose gradient has no larger element takes no step.
        change_tolerance: a member takes no step along a direction in which its loss falls less steeply.
    """

    learning_rate: float = member_field(default=1.0, validator=POSITIVE)
    history: int = attrs.field(default=10, validator=ge(1))
    evaluations: int = attrs.field(default=10, validator=ge(1))
    gradient_tolerance: float = attrs.field(default=1e-7, validator=NOT_NEGATIVE)
    change_tolerance: float = attrs.field(default=1e-9, validator=NOT_NEGATIVE)

    linear_in_rate = ("learning_rate",)

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self)

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        flat = Packing.of(params).packed(params, xp)
        members, size = flat.shape
        return {
            "steps": xp.zeros((members, self.history, size)),
            "changes": xp.zeros((members, self.history, size)),
            "step": xp.zeros_like(flat),
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

        def whole(trial: Array, direction: Array, slope: Array, searching: Array) -> Array:
            del direction, slope, searching  # those of a search
            return trial

        return self._stepped(whole, gradients, state, params, coefficients=coefficients, taken=taken, xp=xp)

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
        packing = Packing.of(params)
        flat = packing.packed(params, xp)

        def searched(trial: Array, direction: Array, slope: Array, searching: Array) -> Array:
            def along(length: Array) -> tuple[Array, Array]:
                losses, gradients = evaluate(packing.unpacked(flat + length[:, None] * direction, xp))
                return losses, _dot(packing.packed(gradients, xp), direction, xp)

            return strong_wolfe(
                along,
                trial,
                loss=first.losses,
                slope=slope,
                largest=xp.max(xp.abs(direction), axis=1),
                searching=searching,
                evaluations=self.evaluations,
                xp=xp,
            )

        return self._stepped(searched, first.gradients, state, params, coefficients=coefficients, taken=taken, xp=xp)

    def _stepped(
        self,
        length_of: Callable[[Array, Array, Array, Array], Array],
        gradients: Tree,
        state: Tree,
        params: Tree,
        *,
        coefficients: Mapping[str, Array],
        taken: Array,
        xp: Namespace,
    ) -> tuple[Tree, Tree]:
        """Return `(params, state)` after a step of the length that `length_of(trial, direction, slope, moves)` gives.

        Gradients that are not finite move the parameters to NaN, so that the member fails as with other optimizers.
        """
        packing = Packing.of(params)
        flat, gradient = (packing.packed(tree, xp) for tree in (params, gradients))
        steps, changes, direction = _remembered(state, gradient, xp)
        slope = _dot(gradient, direction, xp)
        improves = taken & ~(xp.max(xp.abs(gradient), axis=1) <= self.gradient_tolerance)
        moves = improves & ~(slope > -self.change_tolerance)
        trial = coefficients["learning_rate"] * _first_length(state, gradient, xp)
        length = length_of(trial, direction, slope, moves)
        step = xp.where(moves[:, None], length[:, None] * direction, 0.0)
        after: Tree = {
            "steps": steps,
            "changes": changes,
            "step": step,
            "gradient": gradient,
            "started": xp.ones_like(state["started"]),
        }
        moved = packing.unpacked(flat + step, xp)
        return select(xp, moves, moved, params), select(xp, improves, after, state)


def _remembered(state: Tree, gradient: Array, xp: Namespace) -> tuple[Array, Array, Array]:
    """Return the steps and changes with the last ones added, and the quasi-Newton direction, `(members, size)`."""
    step, change = state["step"], gradient - state["gradient"]
    useful = (state["started"] > 0) & (_dot(step, change, xp) > _LEAST_CURVATURE)
    steps = _appended(state["steps"], step, useful, xp)
    changes = _appended(state["changes"], change, useful, xp)
    return steps, changes, -_two_loops(steps, changes, gradient, xp)


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
