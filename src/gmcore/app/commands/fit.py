"""One model, trained on its rows, scored on each of their roles, and saved."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gmcore.app.composing.run import Run
from gmcore.app.records.profile import profile_of
from gmcore.app.records.provenance import is_path, precision, resolved
from gmcore.app.records.results import Trained
from gmcore.app.records.trained_model import TrainedModel
from gmcore.domain import CheckpointSaved, Member, Split, SplitConfig, generator
from gmcore.domain.splits import held_out
from gmcore.errors import ConfigError
from gmcore.ports import TrainingTask

__all__ = ["fit", "plain_member", "whole_member"]


def fit(run: Run, task: TrainingTask, member: Member, *, folder: Path | None) -> Trained:
    """Train one member, score it on the rows of each of its roles, and save it in `folder`, if there is one.

    The result's `seconds` are those of training and scoring.

    Raises:
        ConfigError: before training, if there is a folder and a component has an option that the model's file
            can't say.
    """
    header = _header(run)
    if folder is not None:
        _check(header)
    (result,) = run.workflow.train(task, [member])
    roles = {"train": member.train, "validation": member.stop, "test": member.score}
    asked = {name: indices for name, indices in roles.items() if len(indices)}
    found = run.workflow.validate(task, [result.variables] * len(asked), list(asked.values()))
    scored = dict(zip(asked, found, strict=True))
    model = TrainedModel(model=run.model, variables=result.variables, backend=run.chosen.backend, header=header)
    if folder is not None:
        path = folder / "model.safetensors"
        model.save(path)
        for call in task.hooks.checkpoint_saved:
            call(CheckpointSaved(path=path, epoch=result.epochs))
    return Trained(
        model=model,
        training=result,
        train=scored["train"],
        validation=scored.get("validation"),
        test=scored.get("test"),
        folder=folder,
        seconds=result.seconds + sum(one.seconds for one in found),
        profile=profile_of(run),
    )


def plain_member(run: Run) -> Member:
    """Return the one member of a plain training: it stops on the validation rows, or on a share of its own."""
    return _member(run, run.split)


def whole_member(run: Run) -> Member:
    """Return a member that trains on all rows but the test rows; early stopping watches a share of them."""
    train = np.sort(np.concatenate([run.split.train, run.split.validation]))
    return _member(run, attrs.evolve(run.split, train=train, validation=train[:0]))


def _member(run: Run, split: Split) -> Member:
    train, stop = split.train, split.validation
    stopping = run.config.training.early_stopping
    if stopping is not None and not len(stop):
        share = SplitConfig(fraction=stopping.fraction)
        train, stop = held_out(run.rows, train, share, generator(run.config.seed, "early stopping", 0))
    return Member(index=0, train=train, stop=stop, score=split.test, seed=run.config.seed)


def _header(run: Run) -> dict[str, Any]:
    """Return what the model's file says besides weights and schema; nothing that differs between equal runs."""
    told = resolved(run.config.data, run.data)
    data = {name: value for name, value in told.items() if not is_path(getattr(run.data, name, None))}
    return {
        "model": resolved(run.config.model, run.model_provider),
        "data": data if data["use"] in run.registry.data_providers else {"use": "csv"},
        "dtype": run.config.dtype,
        **precision(run),
        "seed": run.config.seed,
    }


def _check(header: Mapping[str, Any]) -> None:
    problems = [
        f"{part}.{name}: the model's file can't say {value!r}: use numbers, text, lists and tables"
        for part in ("model", "data")
        for name, value in header[part].items()
        if not _sayable(value)
    ]
    if problems:
        raise ConfigError(problems)


def _sayable(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
