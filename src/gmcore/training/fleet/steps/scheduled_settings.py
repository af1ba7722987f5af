"""Settings other than the learning rate that follow a schedule: the optimizer's, and the model's.

An optimizer's settings are planned on the host, like the learning rate. A model's settings are buffers: the plan has
their factors, and a step multiplies the buffers by them.
"""

from collections.abc import Mapping

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import ConfigError
from gmcore.nn.optimizers.members import per_member
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import Model, Namespace, Optimizer, Schedule, SupportsSettings

__all__ = ["Places", "buffers_of_settings", "restored_buffers", "scaled_buffers"]

Places = Mapping[str, tuple[str, ...]]
"""The names of the buffers that hold a setting, by the setting's name."""


def buffers_of_settings(model: Model, schedules: Mapping[str, Schedule], optimizer: Optimizer) -> Places:
    """Return the buffers that hold each scheduled setting of a model: those that differ for two values of it.

    Raises:
        ConfigError: if the model has no buffers for a setting.
    """
    names = [name for name in schedules if name not in optimizer.settings]
    if not names or not isinstance(model, SupportsSettings):
        return {}
    variables = model.init(SizingGenerator())
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        one, other = (tree_flatten(model.with_settings(variables, {name: value}).buffers) for value in (0.25, 0.5))
        found[name] = tuple(place for place in one if not np.array_equal(one[place], other[place], equal_nan=True))
        if not found[name]:
            raise ConfigError([f"training.schedules.{name}: the model keeps no buffer with this setting"])
    return found


def scaled_buffers(buffers: Tree, factors: Mapping[str, Array], places: Places, xp: Namespace) -> Tree:
    """Return buffers, `(members, …)`, whose scheduled settings are multiplied by this step's factors, `(members,)`."""
    flat = tree_flatten(buffers)
    scaled = {
        place: flat[place] * per_member(factors[name], flat[place], xp)
        for name, of_setting in places.items()
        for place in of_setting
    }
    return tree_unflatten(flat | scaled)


def restored_buffers(buffers: Tree, before: Tree, places: Places) -> Tree:
    """Return buffers with the scheduled settings of others: those from before they were multiplied."""
    flat, old = tree_flatten(buffers), tree_flatten(before)
    return tree_unflatten(flat | {place: old[place] for of_setting in places.values() for place in of_setting})
