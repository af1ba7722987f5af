"""What a chunk's members start from, with the members on the first axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gmcore.domain import Member, Rows, Tree, Variables, generator
from gmcore.domain.tree import tree_map
from gmcore.errors import ConfigError, did_you_mean
from gmcore.ports import SupportsSettings, TrainingTask
from gmcore.training.fleet.early_stopping import start
from gmcore.training.fleet.loss_scaling import loss_scaling
from gmcore.training.fleet.stop_metrics import centers

__all__ = ["begin", "evaluation_batch", "fresh_variables", "member_settings", "stack", "weight_of"]


def begin(task: TrainingTask, members: Sequence[Member]) -> tuple[Any, Any, Any]:
    """Return carry, state and buffers before the first epoch.

    Buffers that training changes are in the carry, and those returned are then empty.
    """
    backend = task.backend
    fresh = [fresh_variables(task, member) for member in members]
    learnt = {"params": stack([one.params for one in fresh])}
    buffers = stack([one.buffers for one in fresh])
    if task.model.info.stateful:
        learnt, buffers = {**learnt, "buffers": buffers}, {}
    stop_weight = np.array([weight_of(task.rows, member.stop) for member in members])
    state = backend.asarray(start(learnt, stop_weight, centers(task.rows, members)))
    carry = backend.asarray(learnt)
    carry["optimizer"] = task.optimizer.init(carry["params"], xp=backend.xp)
    carry |= backend.asarray({"loss": np.zeros(len(members)), "steps": np.zeros(len(members), np.int32)})
    if scaling := loss_scaling(backend):
        carry["scaling"] = backend.asarray(scaling.start(len(members)))
    return carry, state, backend.asarray(buffers)


def fresh_variables(task: TrainingTask, member: Member) -> Variables:
    """Return a member's variables before its first step: drawn, adapted to its rows, with its settings."""
    variables = task.model.init(generator(member.seed, "weights", member.index))
    variables = task.model.adapt(variables, task.rows.view(member.train))
    if not member.settings or not isinstance(task.model, SupportsSettings):
        return variables
    own = {name: value for name, value in member.settings.items() if name in task.model.settings}
    return task.model.with_settings(variables, own)


def weight_of(rows: Rows, indices: np.ndarray) -> float:
    """Return how much the rows at `indices` count together."""
    return float(len(indices) if rows.weights is None else rows.weights[indices].sum())


def stack(trees: Sequence[Tree]) -> Any:
    """Return one tree whose leaves have the members on the first axis."""
    return tree_map(lambda *leaves: np.stack(leaves), *trees)


def evaluation_batch(task: TrainingTask) -> int:
    """Return how many rows are evaluated at once: a function of the task alone, so of no chunking."""
    eighth = 1 << (len(task.rows) // 8).bit_length()
    return max(task.config.batch_size, min(4096, eighth))


def member_settings(task: TrainingTask, members: Sequence[Member]) -> dict[str, np.ndarray]:
    """Return each of the optimizer's settings, `(members,)`, float64.

    Raises:
        ConfigError: if a member sets what neither the optimizer nor the model has, or both have.
    """
    defaults = task.optimizer.settings
    of_model = task.model.settings if isinstance(task.model, SupportsSettings) else {}
    known = {*defaults, *of_model}
    for member in members:
        for name in sorted(set(member.settings) - known):
            raise ConfigError([f"member {member.index}: unknown setting '{name}'{did_you_mean(name, known)}"])
        for name in sorted(set(member.settings) & set(defaults) & set(of_model)):
            raise ConfigError(
                [f"member {member.index}: '{name}' is a setting of the optimizer and of the model: rename the model's"]
            )
    return {
        name: np.array([member.settings.get(name, value) for member in members], np.float64)
        for name, value in defaults.items()
    }
