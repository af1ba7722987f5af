"""`gmcore check`: everything that is wrong with a run file, without training."""

from pathlib import Path

import click

from gmcore.app import Plan, Run, open_run, plan_of
from gmcore.builtins.summary import size
from gmcore.cli.describe import describe, describe_plan
from gmcore.cli.options import as_json, run_file
from gmcore.cli.output import say, write_json
from gmcore.domain import Cancellation, Hooks
from gmcore.training.chunks import ChunkPlan, plan_chunks

__all__ = ["command"]


@click.command("check")
@run_file
@as_json
def command(run: Path, *, as_json: bool) -> None:
    """Say everything that is wrong with the file RUN, its data, folds and search; or what it would train.

    Nothing is trained, and nothing is written but what is kept of large data.
    """
    opened = open_run(run)
    folds = len(opened.folds())
    say(describe(opened))
    chunks = plan_chunks(opened.task(Hooks(), Cancellation()), folds)
    say(f"{folds} folds, {_described(chunks)}")
    plan = plan_of(opened) if opened.config.search is not None else None
    if plan is not None:
        say(f"search: {describe_plan(plan)}")
    if as_json:
        write_json(_report(opened, run, folds, chunks, plan))


def _report(opened: Run, path: Path, folds: int, chunks: ChunkPlan, plan: Plan | None) -> dict[str, object]:
    schema = opened.rows.schema
    return {
        "run_file": path,
        "rows": len(opened.rows),
        "features": [feature.name for feature in schema.features],
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
        "memory": {
            "members_per_chunk": chunks.members,
            "estimated": chunks.estimated,
            "rows": chunks.rows,
            "member": chunks.member,
            "total": chunks.total,
        },
        **({} if plan is None else {"search": _search(plan)}),
    }


def _described(chunks: ChunkPlan) -> str:
    rows = "the rows among it" if chunks.rows else "the rows stay on the host"
    taken, total = size(chunks.estimated), size(chunks.total)
    return f"{chunks.members} at once: about {taken} of {total} of memory are estimated, {rows}"


def _search(plan: Plan) -> dict[str, object]:
    return {
        "trials": len(plan.candidates),
        "models": plan.members,
        "programs": len(plan.groups),
        "metric": plan.metric,
        "better": "higher" if plan.higher_is_better else "lower",
    }
