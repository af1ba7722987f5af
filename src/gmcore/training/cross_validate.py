"""Cross-validation: one fleet with one member per fold."""

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import attrs
import numpy as np

from gmcore.domain import (
    CVResult,
    Fold,
    FoldEnd,
    FoldResult,
    FoldStart,
    Member,
    MemberFailed,
    Rows,
    SplitConfig,
    TrainingResult,
    ValidationResult,
    Variables,
    WorkflowConfig,
    generator,
)
from gmcore.domain.data.purge import apart_from
from gmcore.domain.data.splits import held_out
from gmcore.domain.job import Lost
from gmcore.errors import TrainingError
from gmcore.ports import CrossValidator, SupportsPreparation, SupportsSplit, TrainingTask, TrainingWorkflow
from gmcore.training.roles import check_folds, with_checked_indices

__all__ = ["Outcome", "cross_validate", "fold_members", "folds_of"]

Outcome: TypeAlias = TrainingResult | str
"""The result of a member, or why it was not trained."""


def cross_validate(
    workflow: TrainingWorkflow,
    task: TrainingTask,
    folds: Sequence[Fold],
    *,
    seed: int = 0,
    train: Callable[[], Sequence[Outcome]] | None = None,
) -> CVResult:
    """Train one member per fold, all as one fleet, and score each on its fold's held-out rows.

    Early stopping watches a fraction of the fold's training rows, never the held-out rows.

    Args:
        workflow: the one that trains and scores.
        task: what the folds share.
        folds: the folds.
        seed: seed of the run.
        train: trains the members of `fold_members`, elsewhere; None for the workflow.

    Raises:
        TrainingError: if no member was trained.
    """
    begun = time.perf_counter()
    for fold in folds:
        task.hooks.emit(FoldStart(index=fold.index, n_train=len(fold.train), n_validation=len(fold.validation)))
    rows = [fold.validation for fold in folds]
    if isinstance(workflow, SupportsPreparation):
        workflow.prepare(rows)
    members = fold_members(task.rows, folds, task.config, seed=seed) if train is None else ()
    outcomes = workflow.train(task, members) if train is None else train()
    trained = {place: one for place, one in enumerate(outcomes) if not isinstance(one, str)}
    if not trained:
        raise TrainingError(str(outcomes[0]))
    scored = workflow.validate(task, [one.variables for one in trained.values()], [rows[place] for place in trained])
    scores = dict(zip(trained, scored, strict=True))
    results = []
    for place, (fold, outcome) in enumerate(zip(folds, outcomes, strict=True)):
        if isinstance(outcome, str):
            results.append(_lost(fold, outcome, like=scored[0]))
            failure = results[-1].training.failure
            assert failure is not None  # noqa: S101 - it was lost
            task.hooks.emit(MemberFailed(member=fold.index, place=place, failure=failure))
        else:
            results.append(FoldResult(index=fold.index, training=outcome, validation=scores[place]))
        task.hooks.emit(FoldEnd(index=fold.index, validation=results[-1].validation))
    return CVResult(folds=tuple(results), seconds=time.perf_counter() - begun)


def fold_members(rows: Rows, folds: Sequence[Fold], config: WorkflowConfig, *, seed: int = 0) -> list[Member]:
    """Return one member per fold, with the rows that it trains, stops and scores on."""
    members = []
    for fold in folds:
        train, stop = fold.train, np.empty(0, np.int64)
        if config.early_stopping is not None:
            share = SplitConfig(fraction=config.early_stopping.fraction)
            train, stop = held_out(rows, train, share, generator(seed, "early stopping", fold.index))
        members.append(Member(index=fold.index, train=train, stop=stop, score=fold.validation, seed=seed))
    return members


def _lost(fold: Fold, reason: str, *, like: ValidationResult) -> FoldResult:
    """Return the result of a fold whose member was not trained: without weights, and with the scores NaN."""
    nan, count = float("nan"), len(fold.validation)
    training = TrainingResult(
        member=fold.index,
        variables=Variables({}, {}, {}),
        epochs=0,
        best_epoch=0,
        final_loss=nan,
        best_loss=nan,
        history={},
        seconds=0.0,
        failure=Lost.because(reason),
    )
    validation = ValidationResult(
        loss=nan,
        metrics=dict.fromkeys(like.metrics, nan),
        n_samples=count,
        predictions=np.full((count, *like.predictions.shape[1:]), np.nan),
        seconds=0.0,
    )
    return FoldResult(index=fold.index, training=training, validation=validation)


def folds_of(validator: CrossValidator | SupportsSplit, rows: Rows, within: np.ndarray | None = None) -> list[Fold]:
    """Return the folds of a cross-validator, or of an object with scikit-learn's `split`.

    Args:
        validator: the cross-validator.
        rows: all rows.
        within: indices of the rows that are split, `(n,)` int64; None for all. The folds have indices of all rows.

    Raises:
        DataError: if there is no fold, or a fold is not of the rows, has no rows to train on or to score on, or has a
            row or a group on both sides.
    """
    given = rows if within is None else rows.view(within)
    folds = list(validator.folds(given)) if isinstance(validator, CrossValidator) else _split(validator, given)
    folds = with_checked_indices(folds, len(given))
    if within is not None:
        folds = [attrs.evolve(fold, train=within[fold.train], validation=within[fold.validation]) for fold in folds]
    folds = [attrs.evolve(fold, train=apart_from(rows, fold.train, fold.validation)) for fold in folds]
    check_folds(folds, rows)
    return folds


def _split(splitter: SupportsSplit, rows: Rows) -> list[Fold]:
    pairs = splitter.split(np.zeros((len(rows), 1)), rows.targets, rows.groups)
    return [
        Fold(index=index, train=np.asarray(train), validation=np.asarray(held))
        for index, (train, held) in enumerate(pairs)
    ]
