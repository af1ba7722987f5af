"""What is wrong with the components of a training for each other, found before it starts."""

from collections.abc import Iterator, Mapping, Sequence

from gmcore.domain import WorkflowConfig
from gmcore.domain.tree import tree_flatten
from gmcore.errors import ConfigError, did_you_mean
from gmcore.nn.gradients import OneStepApproximation, WithThen
from gmcore.nn.optimizers import Grouped
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import (
    GradientStrategy,
    Model,
    Optimizer,
    Schedule,
    SupportsDuration,
    SupportsEvaluations,
    SupportsFeedback,
    SupportsSettings,
)

__all__ = ["check_durations", "problems_of_steps"]


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


def _truncates(strategy: GradientStrategy) -> bool:
    """Return whether a strategy, or one inside it, cuts the gradients of recurrent layers."""
    inner = strategy.then if isinstance(strategy, WithThen) else None
    return isinstance(strategy, OneStepApproximation) or (inner is not None and _truncates(inner))
