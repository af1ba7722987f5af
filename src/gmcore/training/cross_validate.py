"""Cross-validation: one fleet with one member per fold."""

import time
from collections.abc import Sequence

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
from gmcore.errors import DataError
from gmcore.ports import CrossValidator, SupportsSplit, TrainingTask, TrainingWorkflow

__all__ = ["cross_validate", "fold_members", "folds_of"]


def cross_validate(workflow: TrainingWorkflow, task: TrainingTask, folds: Sequence[Fold], *, seed: int = 0) -> CVResult:
    """Train one member per fold, all as one fleet, and score each on its fold's held-out rows.

    Early stopping watches a fraction of the fold's training rows, never the held-out rows.
    """
    begun = time.perf_counter()
    members = fold_members(task.rows, folds, task.config, seed=seed)
    for fold in folds:
        task.hooks.emit(FoldStart(index=fold.index, n_train=len(fold.train), n_validation=len(fold.validation)))
    trained = workflow.train(task, members)
    scored = workflow.validate(task, [one.variables for one in trained], [member.score for member in members])
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


def folds_of(validator: CrossValidator | SupportsSplit, rows: Rows) -> list[Fold]:
    """Return the folds of a cross-validator, or of an object with scikit-learn's `split`.

    Raises:
        DataError: if there is no fold, or one without training or held-out rows, or one that trains on held-out rows.
    """
    if isinstance(validator, CrossValidator):
        folds = list(validator.folds(rows))
    else:
        features = np.zeros((len(rows), 1))
        pairs = validator.split(features, rows.targets, rows.groups)
        folds = [
            Fold(index=index, train=np.asarray(train, np.int64), validation=np.asarray(held, np.int64))
            for index, (train, held) in enumerate(pairs)
        ]
    _check(folds)
    return folds


def _check(folds: Sequence[Fold]) -> None:
    if not folds:
        raise DataError("the cross-validator returned no folds")
    for fold in folds:
        if not len(fold.train) or not len(fold.validation):
            raise DataError(
                f"fold {fold.index} must have rows to train on and rows to score on, "
                f"got {len(fold.train)} and {len(fold.validation)}"
            )
        shared = np.intersect1d(fold.train, fold.validation)
        if len(shared):
            raise DataError(
                f"fold {fold.index} trains on {len(shared)} of its held-out rows; the first is row {shared[0]}"
            )
