"""What a run is made of, for people to read before it starts."""

from gmcore.app import Plan, Run
from gmcore.builtins.summary import architecture
from gmcore.domain import Kind, Schema

__all__ = ["describe", "describe_plan"]


def describe(run: Run) -> str:
    """Return where the rows come from, what computes, and the model's architecture."""
    training = run.config.training
    source, schema = run.data.metadata["source"], run.rows.schema
    return "\n".join(
        [
            f"{source}: {len(run.rows):,} rows, {_features(schema)}, target {_target(schema)}",
            f"{run.config.dtype}, {run.chosen.why}",
            "",
            architecture(run.model.info, dtype=run.config.dtype, batch_size=training.batch_size),
            "",
        ]
    )


def describe_plan(plan: Plan) -> str:
    """Return how much a search will train, and what decides."""
    counts = [_count(len(plan.candidates), "trial"), _count(plan.members, "model"), _count(len(plan.groups), "program")]
    better = "higher" if plan.higher_is_better else "lower"
    return f"{', '.join(counts)}; the best has the {better.replace('er', 'est')} {plan.metric}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _features(schema: Schema) -> str:
    counts = {kind: sum(feature.kind is kind for feature in schema.features) for kind in Kind}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)


def _target(schema: Schema) -> str:
    names = ", ".join(schema.target.names)
    return f"{names} ({len(schema.target.classes)} classes)" if schema.target.is_classification else names
