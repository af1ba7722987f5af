"""Settings other than the learning rate that follow a schedule: the optimizer's, and the model's.

An optimizer's settings are planned on the host, like the learning rate. A model's settings are buffers: the plan has
their factors, and a step multiplies the buffers by them.
"""

from collections.abc import Iterator, Mapping, Sequence

from gmcore.domain import Array, Tree, WorkflowConfig
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import ConfigError, did_you_mean
from gmcore.nn.gradients import OneStepApproximation, WithThen
from gmcore.nn.optimizers import Grouped
from gmcore.nn.optimizers.members import per_member
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import (
    GradientStrategy,
    Model,
    Namespace,
    Optimizer,
    Schedule,
    SupportsDuration,
    SupportsEvaluations,
    SupportsFeedback,
    SupportsSettings,
)

__all__ = [
    "Places",
    "buffers_of_settings",
    "check_durations",
    "problems_of_steps",
    "restored_buffers",
    "scaled_buffers",
]

Places = Mapping[str, tuple[str, ...]]
"""The names of the buffers that hold a setting, by the setting's name."""


def problems_of_steps(
    model: Model,
    optimizer: Optimizer,
    gradients: GradientStrategy,
    schedules: Mapping[str, Schedule],
    config: WorkflowConfig,
) -> Iterator[str]:
    """Yield what is wrong with the components for each other, such as schedules of settings that are absent."""
    if _truncates(gradients) and not model.info.recurrent:
        yield (
            "training.gradients: one_step_approximation cuts the gradients of recurrent layers, and the model "
            f"{model.info.name} has none: leave it out"
        )
    of_model = set(model.settings) if isinstance(model, SupportsSettings) else set()
    known = (set(optimizer.settings) | of_model) - {"learning_rate"}
    for name, schedule in schedules.items():
        where = f"training.schedules.{name}"
        if name == "learning_rate":
            yield f"{where}: the schedule of the learning rate is training.schedule"
        elif name not in known:
            yield f"{where}: neither the optimizer nor the model has this setting{did_you_mean(name, known)}"
        elif isinstance(schedule, SupportsFeedback) and schedule.feedback is not None:
            yield f"{where}: {type(schedule).__name__} reacts to the loss, which only training.schedule can do"
    yield from _problems_of_optimizer(model, optimizer, config)


def _problems_of_optimizer(model: Model, optimizer: Optimizer, config: WorkflowConfig) -> Iterator[str]:
    if isinstance(optimizer, Grouped):
        names = tree_flatten(model.init(SizingGenerator()).params)
        yield from (f"training.optimizer.{problem}" for problem in optimizer.problems(names))
        if optimizer.trains_none_of(names):
            yield "training.optimizer.groups: all parameters are frozen, so nothing is trained"
    if isinstance(optimizer, SupportsEvaluations):
        for option in ("clip_norm", "clip_value"):
            if getattr(config, option) is not None:
                yield (
                    f"training.{option}: {type(optimizer).__name__} computes gradients itself, to compare losses along "
                    "a line, so they can't be clipped: leave the option out"
                )


def check_durations(
    schedule: Schedule, schedules: Mapping[str, Schedule], config: WorkflowConfig, rows: Sequence[int]
) -> None:
    """Check that training is not too short for a schedule.

    Args:
        schedule: the learning rate's.
        schedules: those of other settings, by name.
        config: the task's.
        rows: numbers of training rows of the members.

    Raises:
        ConfigError: if a schedule, such as a warm-up, is longer than the training of a member.
    """
    named = {"training.schedule": schedule} | {f"training.schedules.{name}": one for name, one in schedules.items()}
    for where, one in named.items():
        if isinstance(one, SupportsDuration):
            for steps in sorted({config.steps_per_epoch(count) for count in rows}):
                try:
                    one.check(config.max_epochs * steps, steps)
                except ConfigError as error:
                    raise ConfigError([f"{where}: {problem}" for problem in error.problems]) from error


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
        found[name] = tuple(place for place in one if one[place] is not other[place] and one[place] != other[place])
        if not found[name]:
            raise ConfigError([f"training.schedules.{name}: the model keeps no buffer with this setting"])
    return found


def _truncates(strategy: GradientStrategy) -> bool:
    """Return whether a strategy, or one inside it, cuts the gradients of recurrent layers."""
    inner = strategy.then if isinstance(strategy, WithThen) else None
    return isinstance(strategy, OneStepApproximation) or (inner is not None and _truncates(inner))


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
