"""One training step and one evaluation step of a whole fleet, as pure functions."""

from collections.abc import Callable
from typing import Any

from gmcore.domain import Array, Tree, Variables
from gmcore.domain.tree import tree_map
from gmcore.errors import TrainingError
from gmcore.nn.optimizers.members import select
from gmcore.ports import Backend, Model, Optimizer
from gmcore.training.fleet.loss_scaling import loss_scaling
from gmcore.training.fleet.stop_metrics import StopMetrics

__all__ = ["evaluation_step", "fleet_gradient", "training_step"]

Step = Callable[[Any, Any, Any], tuple[Any, Any]]


def training_step(model: Model, optimizer: Optimizer, backend: Backend) -> Step:
    """Return `step(carry, x, shared) -> (carry, None)`: one batch of every member.

    `carry` has `params` and `optimizer`, the epoch's sum of losses so far, `loss`, how many of its `steps` are behind
    it, and in float16 how losses are scaled; `x` is one step of `TrainingPlan.epoch`. All have the members on the
    first axis. `buffers` are in the carry if the model changes them, else in `shared`; the rows are in `shared` if they
    are on the device, else in `x`.
    A member whose loss is not finite stays as it was before that step, from then on.
    """
    xp, gradient, scaling = backend.xp, fleet_gradient(model, backend), loss_scaling(backend)

    def step(carry: Any, x: Any, shared: Any) -> tuple[Any, None]:
        buffers = carry["buffers"] if "buffers" in carry else shared["buffers"]
        scale = carry["scaling"]["scale"] if scaling else None
        (_, (total, changed)), gradients = gradient(carry["params"], buffers, x, shared, scale)
        loss = carry["loss"] + total
        live = taken = xp.isfinite(loss) & x["counts"]
        after = {**carry, "loss": loss, "steps": carry["steps"] + xp.astype(live, xp.int32)}
        if scaling:
            gradients, after["scaling"], taken = scaling.after(carry["scaling"], gradients, live, xp)
        params, state = optimizer.update(
            gradients, carry["optimizer"], carry["params"], coefficients=x["coefficients"], taken=taken, xp=xp
        )
        after |= {"params": params, "optimizer": state}
        if changed is not None and "buffers" not in carry:
            raise TrainingError(f"{model.info.name} changes its buffers, but its info says that it is not stateful")
        return after if changed is None else {**after, "buffers": select(xp, taken, changed, buffers)}, None

    return step


def fleet_gradient(model: Model, backend: Backend) -> Callable[..., Any]:
    """Return `g(params, buffers, x, shared, scale) -> ((sum, (totals, buffers or None)), gradients)` of mean losses.

    The totals are a batch's sums over rows by weight, `(members,)`; the buffers are None where they stay as they
    were. Sum and gradients are of the losses times `scale`, `(members,)`, where there is one.
    """
    xp = backend.xp

    def member_loss(params: Tree, buffers: Tree, batch: Tree) -> Any:
        variables = Variables(params, buffers)
        outputs, changed = model.apply(variables, batch["inputs"], xp=xp, key=batch.get("key"), training=True)
        losses = model.loss(variables, xp.astype(outputs, xp.float), batch["targets"], xp=xp)
        return xp.sum(losses * batch["weights"]), None if changed is buffers else changed

    def fleet_loss(params: Tree, buffers: Tree, batch: Tree, weight: Array) -> Any:
        totals, changed = backend.vmap(member_loss)(params, buffers, batch)
        return xp.sum(totals / weight), (totals, changed)

    def gradient(params: Tree, buffers: Tree, x: Any, shared: Any, scale: Array | None = None) -> Any:
        weight = x["weight"] if scale is None else x["weight"] / scale
        return backend.value_and_grad(fleet_loss)(params, buffers, _batch(x, shared), weight)

    return gradient


def evaluation_step(model: Model, backend: Backend, metrics: StopMetrics | None = None) -> Step:
    """Return `step(totals, x, shared) -> (totals, predictions or None)`: one batch of every member.

    `totals` are the sums so far: `loss`, `(members,)`, and those of the metrics; without metrics there are the
    predictions instead. `x` is one step of `evaluation_plan`; `shared` has the resident rows, the members' `params`
    and `buffers`, and of numbers to predict the `center`.
    """
    xp = backend.xp

    def member(params: Tree, buffers: Tree, batch: Tree) -> Any:
        variables, weights = Variables(params, buffers), batch["weights"]
        outputs, _ = model.apply(variables, batch["inputs"], xp=xp, key=None, training=False)
        outputs = xp.astype(outputs, xp.float)
        losses = model.loss(variables, outputs, batch["targets"], xp=xp)
        # A padded row must not spoil the sum with an infinity of its own.
        found = {"loss": xp.sum(xp.where(weights > 0, losses * weights, 0.0))}
        predicted = model.predict(variables, outputs, xp=xp)
        if metrics is None:
            return found, predicted
        return found | metrics.sums(predicted, batch["targets"], weights, batch.get("center", 0.0)), None

    def step(totals: Any, x: Any, shared: Any) -> tuple[Any, Any]:
        batch = _batch(x, shared)
        if "center" in shared:
            batch["center"] = shared["center"]
        found, predicted = backend.vmap(member)(shared["params"], shared["buffers"], batch)
        return tree_map(lambda total, more: total + more, totals, found), predicted

    return step


def _batch(x: Any, shared: Any) -> Any:
    """Return each member's rows of one step, `(members, batch, …)`, with their weights and its key."""
    batch = {name: x[name] for name in ("inputs", "targets", "weights", "key") if name in x}
    if "indices" in x:
        batch["inputs"] = {name: column[x["indices"]] for name, column in shared["inputs"].items()}
        batch["targets"] = shared["targets"][x["indices"]]
    return batch
