"""One training step and one evaluation step of all members at once, as pure functions that a backend traces."""

from collections.abc import Callable

from gmcore.domain import Array, Tree, Variables
from gmcore.domain.tree import tree_map
from gmcore.errors import TrainingError
from gmcore.nn.optimizers.members import select
from gmcore.ports import Backend, Model, Namespace, Optimizer
from gmcore.training.fleet.loss_scaling import loss_scaling
from gmcore.training.fleet.stop_metrics import StopMetrics
from gmcore.training.fleet.trees import (
    Batch,
    BatchOptions,
    Carry,
    EvaluationBatches,
    EvaluationShared,
    ResidentRows,
    Totals,
    TrainingBatches,
    TrainingShared,
)

__all__ = ["EvaluationStep", "FleetGradient", "TrainingStep", "evaluation_step", "fleet_gradient", "training_step"]

TrainingStep = Callable[[Carry, TrainingBatches, TrainingShared], tuple[Carry, None]]
EvaluationStep = Callable[[Totals, EvaluationBatches, EvaluationShared], tuple[Totals, Array | None]]
# (params, buffers, batches, shared, scale) -> (sum, losses, new buffers, gradients)
FleetGradient = Callable[
    [Tree, Tree, TrainingBatches, ResidentRows, Array | None], tuple[Array, Array, Tree | None, Tree]
]


def training_step(model: Model, optimizer: Optimizer, backend: Backend) -> TrainingStep:
    """Return `step(carry, x, shared) -> (carry, None)`: one batch of every member.

    `x` is one step of the batches. A member whose loss is not finite keeps, from that step on, what it had before it.
    """
    xp, gradient, scaling = backend.xp, fleet_gradient(model, backend), loss_scaling(backend)

    def step(carry: Carry, x: TrainingBatches, shared: TrainingShared) -> tuple[Carry, None]:
        stateful = "buffers" in carry
        buffers = carry["buffers"] if stateful else shared["buffers"]
        scale = carry["scaling"]["scale"] if scaling else None
        _, losses, new_buffers, gradients = gradient(carry["params"], buffers, x, shared, scale)
        if new_buffers is not None and not stateful:
            raise TrainingError(f"the model {model.info.name} changed its buffers, but its info has stateful=False")
        loss = carry["loss"] + losses
        taken = xp.isfinite(loss) & x["counts"]
        after: Carry = {**carry, "loss": loss, "steps": carry["steps"] + xp.astype(taken, xp.int32)}
        if scaling:
            gradients, after["scaling"], taken = scaling.unscale(carry["scaling"], gradients, taken, xp)
        after["params"], after["optimizer"] = optimizer.update(
            gradients, carry["optimizer"], carry["params"], coefficients=x["coefficients"], taken=taken, xp=xp
        )
        if new_buffers is not None:
            after["buffers"] = select(xp, taken, new_buffers, buffers)
        return after, None

    return step


def fleet_gradient(model: Model, backend: Backend) -> FleetGradient:
    """Return `gradient(params, buffers, x, shared, scale) -> (sum, losses, new_buffers, gradients)`.

    `losses`, `(members,)`, are each member's weighted sum over the batch. `sum` is the sum over members of their mean
    losses, times `scale`, `(members,)`, if there is one; `gradients` are those of `sum`, so each member's are those of
    its own scaled mean loss. `new_buffers` is None if the model changed none.
    """
    xp = backend.xp

    def member_loss(params: Tree, buffers: Tree, batch: Batch) -> tuple[Array, Tree | None]:
        variables = Variables(params, buffers)
        outputs, new_buffers = model.apply(variables, batch["inputs"], xp=xp, key=batch.get("key"), training=True)
        losses = _row_losses(model, variables, xp.astype(outputs, xp.float), batch, xp)
        # By contract a model that changes no buffer returns the very object that it was given.
        unchanged = new_buffers is buffers
        return xp.sum(losses * batch["weights"]), None if unchanged else new_buffers

    def fleet_loss(params: Tree, buffers: Tree, batch: Batch, weight: Array) -> tuple[Array, tuple[Array, Tree | None]]:
        losses, new_buffers = backend.vmap(member_loss)(params, buffers, batch)
        return xp.sum(losses / weight), (losses, new_buffers)

    def gradient(
        params: Tree, buffers: Tree, x: TrainingBatches, shared: ResidentRows, scale: Array | None
    ) -> tuple[Array, Array, Tree | None, Tree]:
        weight = x["weight"] if scale is None else x["weight"] / scale
        call = backend.value_and_grad(fleet_loss)
        (total, (losses, new_buffers)), gradients = call(params, buffers, _batch(x, shared), weight)
        return total, losses, new_buffers, gradients

    return gradient


def evaluation_step(model: Model, backend: Backend, metrics: StopMetrics | None = None) -> EvaluationStep:
    """Return `step(totals, x, shared) -> (totals, predictions)`: one batch of every member.

    `x` is one step of the batches. With `metrics` their sums are added to the totals and there are no predictions;
    without, there are predictions, `(members, batch, …)`, and the totals are losses alone.
    """
    xp = backend.xp

    def evaluate_member(params: Tree, buffers: Tree, batch: Batch) -> tuple[Totals, Array | None]:
        variables, weights = Variables(params, buffers), batch["weights"]
        outputs, _ = model.apply(variables, batch["inputs"], xp=xp, key=None, training=False)
        outputs = xp.astype(outputs, xp.float)
        losses = _row_losses(model, variables, outputs, batch, xp)
        # Zero times an infinite loss is NaN, so padding is left out before the sum.
        loss = xp.sum(xp.where(weights > 0, losses * weights, 0.0))
        predictions = model.predict(variables, outputs, xp=xp)
        if metrics is None:
            return {"loss": loss, "by_metric": {}}, predictions
        sums = metrics.sums(predictions, batch["targets"], weights, batch.get("center", 0.0))
        return {"loss": loss, "by_metric": sums}, None

    def step(totals: Totals, x: EvaluationBatches, shared: EvaluationShared) -> tuple[Totals, Array | None]:
        batch = _batch(x, shared)
        if "center" in shared:
            batch["center"] = shared["center"]
        more, predictions = backend.vmap(evaluate_member)(shared["params"], shared["buffers"], batch)
        return tree_map(lambda total, addend: total + addend, totals, more), predictions

    return step


def _row_losses(model: Model, variables: Variables, outputs: Array, batch: Batch, xp: Namespace) -> Array:
    """Return the losses of a member's rows; raise if the model does not return one number for each row."""
    losses, rows = model.loss(variables, outputs, batch["targets"], xp=xp), tuple(batch["weights"].shape)
    shape = tuple(getattr(losses, "shape", ()))
    if shape != rows:
        raise TrainingError(
            f"the loss of the model {model.info.name} must be one number for each row: for {rows[0]} rows it must have "
            f"shape {rows}, got shape {shape}"
        )
    return losses


def _batch(x: TrainingBatches | EvaluationBatches, shared: ResidentRows) -> Batch:
    """Return the rows of one step, taken from the resident rows if `x` has only their indices."""
    key: BatchOptions = {"key": x["key"]} if "key" in x else {}
    if "indices" not in x:
        return {"inputs": x["inputs"], "targets": x["targets"], "weights": x["weights"], **key}
    inputs = {name: column[x["indices"]] for name, column in shared["inputs"].items()}
    return {"weights": x["weights"], **key, "inputs": inputs, "targets": shared["targets"][x["indices"]]}
