"""The components of a run that a search varies."""

from collections.abc import Mapping, Sequence

import attrs

from gmcore.app.composing.builder import Builder
from gmcore.app.composing.metrics import directions
from gmcore.app.composing.run_config import RunConfig
from gmcore.domain import Rows
from gmcore.errors import ConfigError
from gmcore.ports import (
    CrossValidator,
    GradientStrategy,
    MetricComputer,
    Model,
    ModelProvider,
    Optimizer,
    Schedule,
    SupportsSplit,
    TrainingWorkflow,
)
from gmcore.training.fleet.steps.loss_scaling import unscalable
from gmcore.training.fleet.steps.problems import check_durations, problems_of_steps
from gmcore.training.fleet.stopping.watched_metric import problems_of_watched

__all__ = ["Trainee"]


@attrs.frozen(kw_only=True, eq=False)
class Trainee:
    """The components that depend on `seed`, `model`, `training` and `validation`, which a search varies."""

    model_provider: ModelProvider
    validator: CrossValidator | SupportsSplit
    optimizer: Optimizer
    schedule: Schedule
    schedules: Mapping[str, Schedule]
    gradients: GradientStrategy
    workflow: TrainingWorkflow

    @classmethod
    def built(cls, builder: Builder, config: RunConfig) -> "Trainee":
        """Return the components of a configuration; problems are added to the builder."""
        registry, training = builder.registry, config.training
        trainee = cls(
            model_provider=builder.component(registry.model_providers, config.model, "model"),
            validator=builder.component(registry.cross_validators, config.validation, "validation", SupportsSplit),
            optimizer=builder.component(registry.optimizers, training.optimizer, "training.optimizer"),
            schedule=builder.component(registry.schedules, training.schedule, "training.schedule"),
            schedules={
                name: builder.component(registry.schedules, given, f"training.schedules.{name}")
                for name, given in training.schedules.items()
            },
            gradients=builder.component(registry.gradient_strategies, training.gradients, "training.gradients"),
            workflow=builder.component(registry.workflows, training.workflow, "training.workflow"),
        )
        if problem := unscalable(trainee.optimizer, training.precision):
            builder.problems.append(problem)
        return trainee

    def check(
        self, config: RunConfig, model: Model, metrics: Sequence[MetricComputer], rows: Rows, *, train: int
    ) -> None:
        """Check what depends on several components: scheduled settings, clipping, and what early stopping compares.

        Args:
            config: the run's.
            model: for the rows.
            metrics: bound to the target of the rows.
            rows: all rows.
            train: number of rows to train on; models of a cross-validation train on fewer.

        Raises:
            ConfigError: with all problems.
        """
        workflow = config.training.config
        problems = list(problems_of_steps(model, self.optimizer, self.gradients, self.schedules, workflow))
        if workflow.early_stopping is not None:
            known = {name: better for metric in metrics for name, better in directions(metric, rows).items()}
            problems += problems_of_watched(workflow.early_stopping, known)
        if problems:
            raise ConfigError(problems)
        check_durations(self.schedule, self.schedules, workflow, [train])
