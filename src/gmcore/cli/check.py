"""`gmcore check`: report every problem of a run file, without training."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import say, write_json
from gmcore.cli.paths import run_file

if TYPE_CHECKING:
    from gmcore.app import Fleet, Plan, Run
    from gmcore.training.chunks import ChunkPlan

__all__ = ["command"]


@click.command("check")
@run_file
@as_json
def command(run: Path, *, as_json: bool) -> None:
    """Report every problem of the file RUN, its data, folds and search; or describe what it would train.

    Nothing is trained, and nothing is written except the cache of large data files.
    """
    from gmcore.app import fleets_of, open_run, plan_of
    from gmcore.cli.describe import describe, describe_fleets, describe_plan
    from gmcore.domain import Cancellation, Hooks
    from gmcore.training.chunks import plan_chunks
    from gmcore.training.precision_check import precision_notes

    opened = open_run(run)
    folds = len(opened.folds())
    say(describe(opened))
    notes = list(precision_notes(opened.rows, opened.config.dtype))
    for note in notes:
        say(f"{note}\n")
    chunks = plan_chunks(opened.task(Hooks(), Cancellation()), folds)
    say(f"{folds} folds, {_chunks_text(chunks)}")
    plan = plan_of(opened) if opened.config.search is not None else None
    report = {**_report(opened, run, folds, chunks), "notes": notes}
    if plan is not None:
        say(f"search: {describe_plan(plan)}")
        fleets = fleets_of(plan)
        say(f"\n{describe_fleets(fleets)}")
        report["search"] = _search_report(plan, fleets)
    if as_json:
        write_json(report)


def _report(opened: "Run", path: Path, folds: int, chunks: "ChunkPlan") -> dict[str, object]:
    schema = opened.rows.schema
    return {
        "run_file": path,
        "rows": len(opened.rows),
        "features": [feature.name for feature in schema.features],
        "tensors": {tensor.name: tensor.shape for tensor in schema.tensors},
        "target": list(schema.target.names),
        "classes": list(schema.target.classes),
        "model": opened.model.info.name,
        "parameters": opened.model.info.parameter_count,
        "backend": opened.chosen.backend.name,
        "device": opened.chosen.backend.device,
        "why": opened.chosen.why,
        "dtype": opened.config.dtype,
        "precision": opened.chosen.backend.compute,
        "folds": folds,
        "memory": _memory(chunks),
    }


def _memory(chunks: "ChunkPlan") -> dict[str, int]:
    return {
        "members_per_chunk": chunks.members,
        "estimated": chunks.estimated,
        "rows": chunks.rows,
        "under_way": chunks.in_transit,
        "member": chunks.member,
        "total": chunks.total,
    }


def _chunks_text(chunks: "ChunkPlan") -> str:
    from gmcore.domain.sizes import size_text

    rows = "including the rows" if chunks.rows else "the rows stay on the host"
    estimated, total = size_text(chunks.estimated), size_text(chunks.total)
    return f"{chunks.members} at once: estimated memory {estimated} of {total}, {rows}"


def _search_report(plan: "Plan", fleets: "Sequence[Fleet]") -> dict[str, object]:
    return {
        "trials": len(plan.candidates),
        "models": plan.members,
        "programs": len(plan.groups),
        "metric": plan.metric,
        "better": "higher" if plan.higher_is_better else "lower",
        "fleets": [
            {"trials": one.trials, "settings": one.common, "members": one.members, "memory": _memory(one.chunks)}
            for one in fleets
        ],
    }
