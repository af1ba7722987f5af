"""What a chunk's members start from, with the members on the first axis."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gmcore.domain import Member, Rows, Tree, Variables, generator
from gmcore.domain.tree import tree_flatten, tree_map
from gmcore.errors import ConfigError, TrainingError, did_you_mean
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import Model, Namespace, SupportsSettings, TrainingTask
from gmcore.training.fleet.steps.loss_scaling import loss_scaling
from gmcore.training.fleet.stopping.early_stopping import feedback_of, initial_state
from gmcore.training.fleet.stopping.stop_metrics import centers
from gmcore.training.fleet.trees import Carry, FleetArrays, TrainedWeights

__all__ = [
    "arrays_of_initial_shape",
    "common_of",
    "evaluation_batch",
    "initial_arrays",
    "initial_variables",
    "member_settings",
    "stack",
    "weight_of",
]


def initial_arrays(task: TrainingTask, members: Sequence[Member]) -> FleetArrays:
    """Return carry, state and buffers before the first epoch, on the device."""
    variables = [initial_variables(task, member) for member in members]
    params, buffers = stack([one.params for one in variables]), stack([one.buffers for one in variables])
    together = Variables(params, buffers, common_of(task.model, variables))
    return _arrays(task, members, together, asarray=task.backend.asarray, xp=task.backend.xp)


def arrays_of_initial_shape(task: TrainingTask, members: Sequence[Member]) -> FleetArrays:
    """Return NumPy arrays with the names and shapes of `initial_arrays`, and kinds of dtypes, but not its values."""

    def repeated(leaf: np.ndarray) -> np.ndarray:
        return np.broadcast_to(leaf, (len(members), *leaf.shape))

    one = task.model.init(SizingGenerator())
    variables = Variables(tree_map(repeated, one.params), tree_map(repeated, one.buffers), one.shared)
    return _arrays(task, members, variables, asarray=lambda tree: tree, xp=NumPyNamespace())


def _arrays(
    task: TrainingTask,
    members: Sequence[Member],
    variables: Variables,
    *,
    asarray: Callable[[Any], Any],
    xp: Namespace,
) -> FleetArrays:
    """Return carry, state and buffers for the variables of all members, after `asarray`."""
    count, buffers = len(members), variables.buffers
    weights: TrainedWeights = {"params": variables.params}
    if task.model.info.stateful:
        weights["buffers"], buffers = buffers, {}
    stop_weight = np.array([weight_of(task.rows, member.stop) for member in members])
    state = initial_state(task.config, weights, stop_weight, centers(task.rows, members))
    feedback = feedback_of(task.schedule)
    if feedback is not None:
        state["feedback"] = feedback.initial(count)
    state = asarray(state)
    of_training, weights = weights, asarray(weights)
    carry: Carry = {
        **weights,  # type: ignore[typeddict-item]  # mypy can't know that there is no key `scaling` in it
        "optimizer": task.optimizer.init(weights["params"], xp=xp),
        "loss": asarray(np.zeros(count)),
        "steps": asarray(np.zeros(count, np.int32)),
    }
    if task.config.gradient_norms:
        zeros = np.zeros((3, count))
        carry["norm_sum"], carry["norm_max"], carry["norm_count"] = asarray(tuple(zeros))
    if task.config.average is not None:
        carry["average"] = asarray(of_training)
    if scaling := loss_scaling(task.backend):
        carry["scaling"] = asarray(scaling.initial_state(count))
    if feedback is not None:
        carry["rate_scale"], carry["train_weight"] = asarray((np.ones(count), np.zeros(count)))
    return FleetArrays(carry, state, asarray(buffers), asarray(variables.shared))


def initial_variables(task: TrainingTask, member: Member) -> Variables:
    """Return a member's variables before its first step: drawn, adapted to its training rows, with its settings."""
    fresh = task.model.init(generator(member.seed, "weights", member.index))
    rng = generator(member.seed, "adapt", member.index)
    variables = task.model.adapt(fresh, task.rows.view(member.train), rng=rng)
    if name := _difference(fresh.shared, variables.shared):
        raise TrainingError(
            f"shared.{name} of the model {task.model.info.name} must not be changed by adapt, since it is the same for "
            "all members: what is fitted to a member's rows belongs into buffers"
        )
    if not member.settings or not isinstance(task.model, SupportsSettings):
        return variables
    own = {name: value for name, value in member.settings.items() if name in task.model.settings}
    return task.model.with_settings(variables, own)


def common_of(model: Model, variables: Sequence[Variables]) -> Tree:
    """Return the shared variables of members, which they must have in common.

    Raises:
        TrainingError: if two members have different ones.
    """
    first, *others = (one.shared for one in variables)
    for place, other in enumerate(others, 2):
        if name := _difference(first, other):
            raise TrainingError(
                f"shared.{name} of the model {model.info.name} must be the same for all members, but differs between "
                f"the first and number {place}: init must not draw it"
            )
    return first


def _difference(tree: Tree, other: Tree) -> str | None:
    """Return the name of an array in which two trees differ; None if they are the same."""
    first, second = tree_flatten(tree), tree_flatten(other)
    for name in sorted(first.keys() | second.keys()):
        one, two = first.get(name), second.get(name)
        if one is not two and (one is None or two is None or not np.array_equal(one, two, equal_nan=True)):
            return name
    return None


def weight_of(rows: Rows, indices: np.ndarray) -> float:
    """Return the summed weight of the rows at `indices`."""
    return float(len(indices) if rows.weights is None else rows.weights[indices].sum())


def stack(trees: Sequence[Tree]) -> Tree:
    """Return one tree whose leaves have the members on the first axis."""
    first, *others = trees
    return tree_map(lambda *leaves: np.stack(leaves), first, *others)


def evaluation_batch(task: TrainingTask) -> int:
    """Return the rows per member of an evaluation step: a function of the task alone, so the same in every chunk."""
    eighth = 1 << (len(task.rows) // 8).bit_length()
    return max(task.config.batch_size, min(4096, eighth))


def member_settings(task: TrainingTask, members: Sequence[Member]) -> dict[str, np.ndarray]:
    """Return the optimizer's settings by name, `(members,)` float64 each.

    Raises:
        ConfigError: if a member has a setting that neither the optimizer nor the model knows, or that both know.
    """
    defaults = task.optimizer.settings
    of_model = task.model.settings if isinstance(task.model, SupportsSettings) else {}
    known = {*defaults, *of_model}
    for member in members:
        for name in sorted(set(member.settings) - known):
            raise ConfigError([f"member {member.index}: unknown setting '{name}'{did_you_mean(name, known)}"])
        for name in sorted(set(member.settings) & set(defaults) & set(of_model)):
            raise ConfigError(
                [f"member {member.index}: '{name}' is a setting of both optimizer and model; rename the model's"]
            )
    return {
        name: np.array([member.settings.get(name, value) for member in members], np.float64)
        for name, value in defaults.items()
    }
