"""The training of one model: fitted, scored on the rows of each role, and saved."""

from pathlib import Path

import attrs
import numpy as np

from gmcore.app.composing.run import Run
from gmcore.app.records.component_table import component_table, is_path
from gmcore.app.records.portable import portable
from gmcore.app.records.profile import profile_of
from gmcore.app.records.results import Trained
from gmcore.app.records.trained_model import TrainedModel, check_saveable
from gmcore.domain import CheckpointSaved, Member, Split, SplitConfig, Variables, generator
from gmcore.domain.data.splits import held_out
from gmcore.ports import SupportsPreparation, TrainingTask

__all__ = ["check_can_save", "fit", "model_of", "plain_member", "whole_member"]


def fit(run: Run, task: TrainingTask, member: Member, *, folder: Path | None) -> Trained:
    """Train one member, score it on the rows of each role, and save the model in `folder` unless it is None.

    The `seconds` of the result are those of training and scoring.
    """
    roles = {"train": member.train, "validation": member.stop, "test": member.score}
    present = {name: indices for name, indices in roles.items() if len(indices)}
    if isinstance(run.workflow, SupportsPreparation):
        run.workflow.prepare(list(present.values()))
    (result,) = run.workflow.train(task, [member])
    scores = run.workflow.validate(task, [result.variables] * len(present), list(present.values()))
    scored = dict(zip(present, scores, strict=True))
    model = model_of(run, result.variables)
    if folder is not None:
        path = folder / "model.safetensors"
        model.save(path)
        task.hooks.emit(CheckpointSaved(path=path, epoch=result.epochs))
    return Trained(
        model=model,
        result=result,
        train=scored["train"],
        validation=scored.get("validation"),
        test=scored.get("test"),
        folder=folder,
        seconds=result.seconds + sum(score.seconds for score in scores),
        profile=profile_of(run),
    )


def model_of(run: Run, variables: Variables) -> TrainedModel:
    """Return the model of a run with trained variables."""
    return TrainedModel(
        model=run.model,
        variables=variables,
        backend=run.chosen.backend,
        provider=run.trainee.model_provider,
        reading=_reading_table(run),
        seed=run.config.seed,
    )


def check_can_save(run: Run) -> None:
    """Check, before anything is created, that the model of a run can be saved.

    Raises:
        ConfigError: if the class of a component is not registered, or an option is not JSON; with all problems.
    """
    check_saveable(run.trainee.model_provider, _reading_table(run), run.registry)


def plain_member(run: Run) -> Member:
    """Return the only member of `train`: it stops on the validation rows, or else on a share of the training rows."""
    return _member(run, run.split)


def whole_member(run: Run) -> Member:
    """Return a member that trains on all rows except the test rows; it stops on a share of them."""
    train = np.sort(np.concatenate([run.split.train, run.split.validation]))
    return _member(run, attrs.evolve(run.split, train=train, validation=train[:0]))


def _member(run: Run, split: Split) -> Member:
    train, stop = split.train, split.validation
    stopping = run.config.training.early_stopping
    if stopping is not None and not len(stop):
        share = SplitConfig(fraction=stopping.fraction)
        train, stop = held_out(run.rows, train, share, generator(run.config.seed, "early stopping", 0))
    return Member(index=0, train=train, stop=stop, score=split.test, seed=run.config.seed)


def _reading_table(run: Run) -> dict[str, object]:
    """Return the table of the data provider that reads rows for prediction.

    It is the run's provider, without paths and other options of this machine, if it is registered and reads files, and
    otherwise the CSV provider.
    """
    table = component_table(run.data, run.registry)
    paths = {name for name in table if is_path(getattr(run.data, name, None))}
    if not paths or run.registry.name_of(type(run.data)) is None:
        return {"use": "csv"}
    table = {name: value for name, value in table.items() if name not in paths}
    return portable(table, run.registry.data_providers, run.registry)
