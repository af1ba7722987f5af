"""The components of a run that a search varies."""

import attrs

from gmcore.app.composing.builder import Builder
from gmcore.app.composing.run_config import RunConfig
from gmcore.ports import (
    CrossValidator,
    GradientStrategy,
    ModelProvider,
    Optimizer,
    Schedule,
    SupportsSplit,
    TrainingWorkflow,
)
from gmcore.training.fleet.loss_scaling import unscalable

__all__ = ["Trainee"]


@attrs.frozen(kw_only=True, eq=False)
class Trainee:
    """The components that depend on `seed`, `model`, `training` and `validation`, which a search varies."""

    model_provider: ModelProvider
    validator: CrossValidator | SupportsSplit
    optimizer: Optimizer
    schedule: Schedule
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
            gradients=builder.component(registry.gradient_strategies, training.gradients, "training.gradients"),
            workflow=builder.component(registry.workflows, training.workflow, "training.workflow"),
        )
        if problem := unscalable(trainee.optimizer, training.precision):
            builder.problems.append(problem)
        return trainee
