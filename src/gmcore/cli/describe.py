"""Text descriptions of a run and of a search, printed before they start."""

import json
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import attrs

from gmcore.builtins.summary import architecture
from gmcore.cli.output import inline, table
from gmcore.domain import Feature, Kind, Schema
from gmcore.domain.short_repr import listed
from gmcore.domain.sizes import size_text

if TYPE_CHECKING:  # most commands need nothing of a search
    from gmcore.app import Fleet, Plan, Run

__all__ = ["describe", "describe_fleets", "describe_plan"]

_SHOWN = 20


def describe(run: "Run") -> str:
    """Return the data source, the kinds of its columns and how to set them, the backend and the architecture."""
    training = run.config.training
    source, schema = run.data.metadata["source"], run.rows.schema
    return "\n".join(
        [
            f"{source}: {len(run.rows):,} rows, {_features(schema)}, target {_target(schema)}",
            *(f"  {line}" for line in [*_columns(schema), *_inferred(run.data, schema)]),
            f"{run.config.dtype}, {run.chosen.why}",
            "",
            architecture(run.model.info, dtype=run.config.dtype, batch_size=training.batch_size),
            "",
        ]
    )


def describe_plan(plan: "Plan") -> str:
    """Return the size of a search, and the metric that ranks its trials."""
    counts = [_count(len(plan.candidates), "trial"), _count(plan.members, "model"), _count(len(plan.groups), "program")]
    better = "higher" if plan.higher_is_better else "lower"
    return f"{', '.join(counts)}; the best has the {better.replace('er', 'est')} {plan.metric}"


def describe_fleets(fleets: "Sequence[Fleet]") -> str:
    """Return one line per program of a search: trials, models, models that train at once, memory, shared settings."""
    head = ("program", "trials", "models", "at once", "per model", "estimated", "shared settings")
    rows = [
        (
            number,
            len(fleet.trials),
            fleet.members,
            fleet.chunks.members,
            size_text(fleet.chunks.member),
            size_text(fleet.chunks.estimated),
            ", ".join(f"{path} = {inline(value)}" for path, value in fleet.common.items()),
        )
        for number, fleet in enumerate(fleets[:_SHOWN])
    ]
    more = len(fleets) - _SHOWN
    return "\n".join([table(head, rows), *([f"and {more} more"] if more > 0 else [])])


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _features(schema: Schema) -> str:
    counts = {kind: sum(feature.kind is kind for feature in schema.features) for kind in Kind}
    columns = [f"{count} {kind}" for kind, count in counts.items() if count]
    return ", ".join([*columns, *map(str, schema.tensors)])


def _target(schema: Schema) -> str:
    target, found = schema.target, []
    if target.is_classification:
        found.append(f"{len(target.classes)} classes")
    elif not target.is_regression:
        found.append("several labels")
    if target.shape:
        found.append(f"shape {target.shape}")
    return ", ".join(target.names) + (f" ({', '.join(found)})" if found else "")


def _columns(schema: Schema) -> list[str]:
    """Return a line per kind of feature, and one for the target."""
    names = {kind: [_named(feature) for feature in schema.features if feature.kind is kind] for kind in Kind}
    target = schema.target
    found = "numbers" if target.is_regression else f"labels {listed(target.names)}"
    if target.is_classification:
        found = f"classes {listed(target.classes)}"
    dtype = f" ({target.dtype})" if target.is_classification and target.dtype not in ("str", "object") else ""
    return [
        *(f"{kind}: {listed(named)}" for kind, named in names.items() if named),
        *map(str, schema.tensors),
        f"target: {found}{dtype}",
    ]


def _inferred(data: object, schema: Schema) -> list[str]:
    """Return what was inferred from the values, and the options that set it, if the data provider has such options."""
    kind = type(data)
    fields = attrs.fields_dict(kind) if attrs.has(kind) else {}
    options = {name: getattr(data, name) for name in ("types", "task") if name in fields}
    settings = []
    if examples := _examples(schema, options.get("types")):
        settings.append(f"types = {{ {', '.join(examples)} }}")
    if options.get("task") == "auto":
        settings.append(f'task = "{"regression" if schema.target.is_classification else "classification"}"')
    return [f"inferred from the values; to change that, set in [data]: {', '.join(settings)}"] if settings else []


def _examples(schema: Schema, types: Collection[str] | None) -> list[str]:
    """Return how to give another kind to the first feature whose kind was inferred, and to the first one of dates."""
    if types is None:
        return []
    inferred = [feature for feature in schema.features if feature.name not in types]
    dates = [feature for feature in inferred if feature.kind is Kind.DATETIME]
    shown = {feature.name: feature for feature in [*inferred[:1], *dates[:1]]}
    others = {name: "numeric" if one.kind is Kind.CATEGORICAL else "categorical" for name, one in shown.items()}
    return [f'{_key(name)} = "{other}"' for name, other in others.items()]


def _named(feature: Feature) -> str:
    """Return the name of a feature, with the format of its dates if that is not ISO 8601."""
    return feature.name if feature.date_format is None else f"{feature.name} ({feature.date_format})"


def _key(name: str) -> str:
    """Return a name as a key in TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
