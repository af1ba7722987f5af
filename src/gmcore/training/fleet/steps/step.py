"""One training step and one evaluation step of all members at once, as pure functions that a backend traces."""

from collections.abc import Callable, Mapping
from typing import cast

from gmcore.domain import Array, Schema, Tree, Variables, WorkflowConfig
from gmcore.domain.tree import tree_map
from gmcore.errors import ConfigError, TrainingError
from gmcore.nn.optimizers.members import select
from gmcore.nn.optimizers.packing import Packing
from gmcore.ports import (
    Backend,
    Evaluation,
    GradientStrategy,
    Losses,
    Model,
    Namespace,
    Optimizer,
    Pass,
    SupportsEvaluations,
    SupportsUpdate,
)
from gmcore.training.fleet.steps.averaging import averaged, newest_of
from gmcore.training.fleet.steps.clipping import clipped, norms
from gmcore.training.fleet.steps.loss_scaling import loss_scaling, unscalable
from gmcore.training.fleet.steps.scheduled_settings import Places, restored_buffers, scaled_buffers
from gmcore.training.fleet.stopping.stop_metrics import StopMetrics
from gmcore.training.fleet.trees import (
    Batch,
    BatchOptions,
    Carry,
    Common,
    EvaluationBatches,
    EvaluationShared,
    ResidentWindows,
    Totals,
    TrainingBatches,
    TrainingShared,
)

__all__ = ["EvaluationStep", "FleetGradient", "TrainingStep", "evaluation_step", "fleet_gradient", "training_step"]

# A member's params, buffers and batch, and the shared variables.
_SHARED_LAST = (0, 0, 0, None)

TrainingStep = Callable[[Carry, TrainingBatches, TrainingShared], tuple[Carry, None]]
EvaluationStep = Callable[[Totals, EvaluationBatches, EvaluationShared], tuple[Totals, Array | None]]
# (params, buffers, batches, common, scale) -> (value, losses, new buffers, gradients)
FleetGradient = Callable[[Tree, Tree, TrainingBatches, Common, Array | None], tuple[Array, Array, Tree, Tree]]


def training_step(
    model: Model,
    optimizer: Optimizer,
    strategy: GradientStrategy,
    backend: Backend,
    *,
    config: WorkflowConfig,
    places: Places,
    packing: Packing | None = None,
) -> TrainingStep:
    """Return `step(carry, x, common) -> (carry, None)`: one batch of every member.

    `x` is one step of the batches. A member whose loss is not finite keeps, from that step on, what it had before it.

    Args:
        model: the members'.
        optimizer: the members'.
        strategy: how gradients are computed.
        backend: the one that computes.
        config: the task's, of which clipping and norms of gradients are used.
        places: the buffers that hold each scheduled setting of the model.
        packing: how the carry's parameters and the optimizer's state are packed; None if they are not.

    Raises:
        ConfigError: if the losses are scaled for float16, and the optimizer evaluates them itself.
    """
    xp, gradient, scaling = backend.xp, fleet_gradient(model, strategy, backend, places), loss_scaling(backend)
    if problem := unscalable(optimizer, backend.compute):
        raise ConfigError([problem])

    def step(carry: Carry, x: TrainingBatches, common: TrainingShared) -> tuple[Carry, None]:
        given, buffers = carry["params"], carry["buffers"] if "buffers" in carry else common["buffers"]
        params = given if packing is None else packing.unpacked(given, xp)
        scale = carry["scaling"]["scale"] if scaling else None
        _, losses, new_buffers, gradients = gradient(params, buffers, x, common, scale)
        loss = carry["loss"] + losses
        taken = xp.isfinite(loss) & x["counts"]
        after: Carry = {**carry, "loss": loss, "steps": carry["steps"] + xp.astype(taken, xp.int32)}
        if "train_weight" in carry:
            after["train_weight"] = carry["train_weight"] + xp.where(x["counts"], x["weight"], 0.0)
        if scaling:
            gradients, after["scaling"], taken = scaling.unscale(carry["scaling"], gradients, taken, xp)
        if config.gradient_norms:
            norm = xp.where(taken, norms(gradients, xp), 0.0)
            after["norm_sum"], after["norm_max"] = carry["norm_sum"] + norm, xp.maximum(carry["norm_max"], norm)
            after["norm_count"] = carry["norm_count"] + xp.astype(taken, xp.float)
        gradients = clipped(gradients, config, xp)
        coefficients = _scaled(x["coefficients"], carry, optimizer)
        if isinstance(optimizer, SupportsEvaluations):

            def evaluate(params: Tree) -> Evaluation:
                _, sums, _, slopes = gradient(params, buffers, x, common, None)
                return Evaluation(sums / x["weight"], slopes)

            first = Evaluation(losses / x["weight"], gradients)
            after["params"], after["optimizer"] = optimizer.minimize(
                evaluate, first, carry["optimizer"], params, coefficients=coefficients, taken=taken, xp=xp
            )
        else:
            gradients = gradients if packing is None else packing.packed(gradients, xp)
            after["params"], after["optimizer"] = optimizer.update(
                gradients, carry["optimizer"], given, coefficients=coefficients, taken=taken, xp=xp
            )
        if "buffers" in carry:
            after["buffers"] = select(xp, taken, new_buffers, buffers)
        if "average" in carry:
            share = xp.where(xp.isfinite(loss), x["average"], 0.0)
            after["average"] = averaged(carry["average"], newest_of(after), share, xp)
        return after, None

    return step


def fleet_gradient(
    model: Model, strategy: GradientStrategy, backend: Backend, places: Places | None = None
) -> FleetGradient:
    """Return `gradient(params, buffers, x, common, scale) -> (value, losses, new_buffers, gradients)`.

    `places` are the buffers that hold each scheduled setting of the model, which the batches have factors of.

    `losses`, `(members,)`, are each member's weighted sum over the batch. `value` is the sum over members of their mean
    losses, times `scale`, `(members,)`, if there is one; `gradients` are those of `value`, so each member's are those
    of its own scaled mean loss. `new_buffers` are empty if training changes none.
    """
    xp, forward, changes_buffers = backend.xp, _training_pass(model), model.info.stateful

    def gradient(
        params: Tree, buffers: Tree, x: TrainingBatches, common: Common, scale: Array | None
    ) -> tuple[Array, Array, Tree, Tree]:
        shared: Tree = common.get("shared", {})
        given, buffers = buffers, scaled_buffers(buffers, x["factors"], places, xp) if places else buffers
        weight = x["weight"] if scale is None else x["weight"] / scale

        def member_loss(params: Tree, buffers: Tree, batch: Batch, shared: Tree) -> tuple[Array, Tree]:
            variables = Variables(params, buffers, shared)
            plain = Pass(xp=xp, weights=batch["weights"], key=batch.get("key"), training=True)
            at = strategy.training_pass(plain, backend=backend)
            outputs, new_buffers = forward(variables, batch["inputs"], at)
            losses = _row_losses(model, variables, xp.astype(outputs, xp.float), batch, at)
            return xp.sum(losses * batch["weights"]), new_buffers

        def fleet_loss(params: Tree, changed: Tree, batch: Tree) -> Losses:
            own = changed if changes_buffers else buffers
            losses, new_buffers = backend.vmap(member_loss, _SHARED_LAST)(params, own, cast("Batch", batch), shared)
            return xp.sum(losses / weight), (losses, new_buffers)

        batch, changed = _batch(x, common, model.schema, xp), buffers if changes_buffers else {}
        found = strategy.gradient(fleet_loss, params, changed, batch, backend=backend)
        (value, (losses, new_buffers)), gradients = found
        if places and changes_buffers:
            new_buffers = restored_buffers(new_buffers, given, places)
        return value, losses, new_buffers, gradients

    return gradient


def evaluation_step(model: Model, backend: Backend, metrics: StopMetrics | None = None) -> EvaluationStep:
    """Return `step(totals, x, shared) -> (totals, predictions)`: one batch of every member.

    `x` is one step of the batches. With `metrics` their sums are added to the totals and there are no predictions;
    without, there are predictions, `(members, batch, …)`, and the totals are losses alone.
    """
    xp = backend.xp

    def step(totals: Totals, x: EvaluationBatches, common: EvaluationShared) -> tuple[Totals, Array | None]:
        def evaluate_member(params: Tree, buffers: Tree, batch: Batch, shared: Tree) -> tuple[Totals, Array | None]:
            variables, weights = Variables(params, buffers, shared), batch["weights"]
            at = Pass(xp=xp, weights=weights)
            outputs = xp.astype(model.apply(variables, batch["inputs"], at), xp.float)
            losses = _row_losses(model, variables, outputs, batch, at)
            # Zero times an infinite loss is NaN, so padding is left out before the sum.
            loss = xp.sum(xp.where(weights > 0, losses * weights, 0.0))
            predictions = model.predict(variables, outputs, xp=xp)
            if metrics is None:
                return {"loss": loss, "by_metric": {}}, predictions
            sums = metrics.sums(predictions, batch["targets"], weights, batch.get("center", 0.0))
            return {"loss": loss, "by_metric": sums}, None

        batch = _batch(x, common, model.schema, xp)
        if "center" in common:
            batch["center"] = common["center"]
        evaluate = backend.vmap(evaluate_member, _SHARED_LAST)
        more, predictions = evaluate(common["params"], common["buffers"], batch, common.get("shared", {}))
        return tree_map(lambda total, addend: total + addend, totals, more), predictions

    return step


def _scaled(coefficients: Mapping[str, Array], carry: Carry, optimizer: Optimizer) -> Mapping[str, Array]:
    """Return the coefficients for the learning rate that the loss so far allows, if the schedule reacts to it."""
    if "rate_scale" not in carry:
        return coefficients
    scale, linear = carry["rate_scale"], optimizer.linear_in_rate
    return {name: value * scale if name in linear else value for name, value in coefficients.items()}


def _training_pass(model: Model) -> Callable[[Variables, Mapping[str, Array], Pass], tuple[Array, Tree]]:
    """Return `(variables, inputs, at) -> (outputs, new buffers)`, which are empty if training changes none.

    Raises:
        TrainingError: if the model states that it changes buffers, but has no `update`.
    """
    if not model.info.stateful:
        return lambda variables, inputs, at: (model.apply(variables, inputs, at), {})
    if not isinstance(model, SupportsUpdate):
        raise TrainingError(
            f"the info of the model {model.info.name} has stateful=True, so it must have the method "
            f"update(variables, inputs, at)"
        )
    return model.update


def _row_losses(model: Model, variables: Variables, outputs: Array, batch: Batch, at: Pass) -> Array:
    """Return the losses of a member's rows; raise if the model does not return one number for each row."""
    losses, rows = model.loss(variables, outputs, batch["targets"], at), tuple(batch["weights"].shape)
    shape = tuple(getattr(losses, "shape", ()))
    if shape != rows:
        raise TrainingError(
            f"the loss of the model {model.info.name} must be one number for each row: for {rows[0]} rows it must have "
            f"shape {rows}, got shape {shape}"
        )
    return losses


def _batch(x: TrainingBatches | EvaluationBatches, shared: Common, schema: Schema, xp: Namespace) -> Batch:
    """Return the rows of one step, taken from the resident rows if `x` has only their indices.

    Windows are gathered from their series.
    """
    key: BatchOptions = {"key": x["key"]} if "key" in x else {}
    if "indices" not in x:
        return {"inputs": x["inputs"], "targets": x["targets"], "weights": x["weights"], **key}
    lengths = {tensor.name: tensor.shape[0] for tensor in schema.tensors}

    def gathered(name: str, column: Array | ResidentWindows) -> Array:
        if not isinstance(column, Mapping):
            return column[x["indices"]]
        return xp.windows(column["series"], column["starts"][x["indices"]], lengths[name])

    inputs = {name: gathered(name, column) for name, column in shared["inputs"].items()}
    return {"weights": x["weights"], **key, "inputs": inputs, "targets": shared["targets"][x["indices"]]}
