"""Cross-validation: one fleet with one member per fold."""

import time
from collections.abc import Sequence

import attrs
import numpy as np

from gmcore.domain import (
    CVResult,
    Fold,
    FoldEnd,
    FoldResult,
    FoldStart,
    Member,
    Rows,
    SplitConfig,
    WorkflowConfig,
    generator,
)
from gmcore.domain.data.splits import held_out
from gmcore.ports import CrossValidator, SupportsPreparation, SupportsSplit, TrainingTask, TrainingWorkflow
from gmcore.training.roles import check_folds, with_checked_indices

__all__ = ["cross_validate", "fold_members", "folds_of"]


def cross_validate(workflow: TrainingWorkflow, task: TrainingTask, folds: Sequence[Fold], *, seed: int = 0) -> CVResult:
    """Train one member per fold, all as one fleet, and score each on its fold's held-out rows.

    Early stopping watches a fraction of the fold's training rows, never the held-out rows.
    """
    begun = time.perf_counter()
    members = fold_members(task.rows, folds, task.config, seed=seed)
    for fold in folds:
        task.hooks.emit(FoldStart(index=fold.index, n_train=len(fold.train), n_validation=len(fold.validation)))
    rows = [member.score for member in members]
    if isinstance(workflow, SupportsPreparation):
        workflow.prepare(rows)
    trained = workflow.train(task, members)
    scored = workflow.validate(task, [one.variables for one in trained], rows)
    for fold, validation in zip(folds, scored, strict=True):
        task.hooks.emit(FoldEnd(index=fold.index, validation=validation))
    results = tuple(
        FoldResult(index=fold.index, training=training, validation=validation)
        for fold, training, validation in zip(folds, trained, scored, strict=True)
    )
    return CVResult(folds=results, seconds=time.perf_counter() - begun)


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
    check_folds(folds, rows)
    return folds


def _split(splitter: SupportsSplit, rows: Rows) -> list[Fold]:
    pairs = splitter.split(np.zeros((len(rows), 1)), rows.targets, rows.groups)
    return [
        Fold(index=index, train=np.asarray(train), validation=np.asarray(held))
        for index, (train, held) in enumerate(pairs)
    ]
