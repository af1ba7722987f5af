"""What a chunk's members start from, with the members on the first axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gmcore.domain import Member, Tree, Variables, generator
from gmcore.domain.tree import tree_map
from gmcore.errors import ConfigError, did_you_mean
from gmcore.ports import SupportsSettings, TrainingTask
from gmcore.training.early_stopping import start

__all__ = ["begin", "evaluation_batch", "fresh_variables", "member_settings", "stack"]


def begin(task: TrainingTask, members: Sequence[Member]) -> tuple[Any, Any]:
    """Return carry and state before the first epoch, keys in the order in which the programs return them."""
    backend = task.backend
    fresh = [fresh_variables(task, member) for member in members]
    held = {"params": stack([one.params for one in fresh]), "buffers": stack([one.buffers for one in fresh])}
    has_stop = np.array([len(member.stop) > 0 for member in members])
    state = backend.asarray(start(held, has_stop))
    begun = backend.asarray(held)
    sums = backend.asarray({"loss": np.zeros(len(members)), "weight": np.zeros(len(members))})
    return {**begun, "optimizer": task.optimizer.init(begun["params"], xp=backend.xp), **sums}, state


def fresh_variables(task: TrainingTask, member: Member) -> Variables:
    """Return a member's variables before its first step: drawn, adapted to its rows, with its settings."""
    variables = task.model.init(generator(member.seed, "weights", member.index))
    variables = task.model.adapt(variables, task.rows.view(member.train))
    if not member.settings or not isinstance(task.model, SupportsSettings):
        return variables
    own = {name: value for name, value in member.settings.items() if name in task.model.settings}
    return task.model.with_settings(variables, own)


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
