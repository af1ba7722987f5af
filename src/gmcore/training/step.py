"""One training step and one evaluation step of a whole fleet, as pure functions."""

from collections.abc import Callable
from typing import Any

from gmcore.domain import Array, Tree, Variables
from gmcore.ports import Backend, Model, Optimizer
from gmcore.training.select import select

__all__ = ["evaluation_step", "training_step"]

Step = Callable[[Any, Any, Any], tuple[Any, Any]]


def training_step(model: Model, optimizer: Optimizer, backend: Backend) -> Step:
    """Return `step(carry, x, shared) -> (carry, None)`: one batch of every member.

    `carry` has `params`, `buffers`, `optimizer` and the epoch's sums `loss` and `weight`; `x` is one
    step of `TrainingPlan.epoch`; `shared` has the resident `inputs` and `targets`, and the
    members' `settings`. All but the resident rows have the members on the first axis.
    """
    xp = backend.xp

    def member_loss(params: Tree, buffers: Tree, inputs: Tree, targets: Array, weights: Array, key: Array) -> Any:
        variables = Variables(params, buffers)
        outputs, buffers = model.apply(variables, inputs, xp=xp, key=key, training=True)
        total = xp.sum(model.loss(variables, outputs, targets, xp=xp) * weights)
        weight = xp.sum(weights)
        return total / xp.where(weight > 0, weight, 1.0), (total, weight, buffers)

    def fleet_loss(params: Tree, *rest: Any) -> Any:
        means, kept = backend.vmap(member_loss)(params, *rest)
        return xp.sum(means), kept

    def step(carry: Any, x: Any, shared: Any) -> tuple[Any, None]:
        inputs = {name: column[x["indices"]] for name, column in shared["inputs"].items()}
        batch = (inputs, shared["targets"][x["indices"]], x["weights"], x["key"])
        (_, (total, weight, buffers)), gradients = backend.value_and_grad(fleet_loss)(
            carry["params"], carry["buffers"], *batch
        )
        settings = {**shared["settings"], "learning_rate": x["learning_rate"]}
        params, state = optimizer.update(
            gradients, carry["optimizer"], carry["params"], step=x["step"], settings=settings, xp=xp
        )
        after = {"params": params, "buffers": buffers, "optimizer": state}
        if "exists" in x:
            after = select(xp, x["exists"], after, {name: carry[name] for name in after})
        return {**after, "loss": carry["loss"] + total, "weight": carry["weight"] + weight}, None

    return step


def evaluation_step(model: Model, backend: Backend, *, predictions: bool) -> Step:
    """Return `step(sums, x, shared) -> (sums, predictions or None)`: one batch of every member.

    `sums` has `loss` and `weight`; `x` is one step of `evaluation_plan`; `shared` has the resident
    `inputs` and `targets`, and the members' `params` and `buffers`.
    """
    xp = backend.xp

    def member(params: Tree, buffers: Tree, inputs: Tree, targets: Array, weights: Array) -> Any:
        variables = Variables(params, buffers)
        outputs, _ = model.apply(variables, inputs, xp=xp, key=None, training=False)
        losses = model.loss(variables, outputs, targets, xp=xp)
        # A padded row must not spoil the sum with an infinity of its own.
        total = xp.sum(xp.where(weights > 0, losses * weights, 0.0))
        predicted = model.predict(variables, outputs, xp=xp) if predictions else weights
        return total, xp.sum(weights), predicted

    def step(sums: Any, x: Any, shared: Any) -> tuple[Any, Any]:
        inputs = {name: column[x["indices"]] for name, column in shared["inputs"].items()}
        batch = (inputs, shared["targets"][x["indices"]], x["weights"])
        total, weight, predicted = backend.vmap(member)(shared["params"], shared["buffers"], *batch)
        after = {"loss": sums["loss"] + total, "weight": sums["weight"] + weight}
        return after, predicted if predictions else None

    return step
