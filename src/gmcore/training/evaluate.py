"""How good trained members are on given rows, and what they predict for them."""

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gmcore.domain import Rows, Tree, ValidationResult, Variables
from gmcore.domain.tree import tree_map
from gmcore.ports import Backend, MetricComputer, Model, TrainingTask
from gmcore.training.fleet.members import evaluation_batch, stack, weight_of
from gmcore.training.fleet.plan import evaluation_plan
from gmcore.training.fleet.prefetch import prefetch
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.segments import cut, steps_at_once
from gmcore.training.fleet.step import evaluation_step

__all__ = ["evaluate", "predict", "score"]

_ROWS_AT_ONCE = 1024
_AHEAD = 2


def evaluate(
    task: TrainingTask, source: RowSource, members: Sequence[tuple[Variables, np.ndarray]]
) -> list[ValidationResult]:
    """Score members together, each with its variables on its rows."""
    begun = time.perf_counter()
    variables, rows = zip(*members, strict=True)
    losses, predictions = _look(task, source, variables, rows)
    seconds = time.perf_counter() - begun
    return [
        ValidationResult(
            loss=float(losses[place] / weight_of(task.rows, indices)) if len(indices) else float("nan"),
            metrics=score(task.metrics, predictions[place, : len(indices)], task.rows, indices),
            n_samples=len(indices),
            predictions=predictions[place, : len(indices)],
            seconds=seconds,
        )
        for place, indices in enumerate(rows)
    ]


def score(
    metrics: Iterable[MetricComputer], predictions: np.ndarray, rows: Rows, indices: np.ndarray
) -> Mapping[str, float]:
    """Return every metric of predictions for the rows at `indices`, by name."""
    if rows.targets is None or not len(indices):
        return {}
    weights = None if rows.weights is None else rows.weights[indices]
    found: dict[str, float] = {}
    for metric in metrics:
        found |= metric.compute(predictions, rows.targets[indices], weights)
    return found


def predict(backend: Backend, model: Model, variables: Variables, rows: Rows) -> np.ndarray:
    """Return one member's predictions for all rows, `(rows, width)`, float64."""
    compiled = cached_program(backend, ("prediction", model), lambda: _prediction(backend, model))
    params, buffers = backend.asarray(variables.params), backend.asarray(variables.buffers)
    size = min(_ROWS_AT_ONCE, max(1, len(rows)))
    pieces = [
        backend.to_numpy(compiled(params, buffers, backend.asarray(_padded(rows, at, size))))[: len(rows) - at]
        for at in range(0, len(rows), size)
    ]
    width = model.schema.target.width
    return np.concatenate([np.empty((0, width)), *pieces]).astype(np.float64)


def _look(
    task: TrainingTask, source: RowSource, variables: Sequence[Variables], rows: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the members' sums of losses, `(members,)`, and predictions, `(members, longest, width)`, float64."""
    backend, size = task.backend, evaluation_batch(task)
    compiled = cached_program(backend, ("scoring", task.model), lambda: _scoring(backend, task.model))
    seen = backend.asarray(
        {"params": stack([one.params for one in variables]), "buffers": stack([one.buffers for one in variables])}
    )
    totals, found = backend.asarray({"loss": np.zeros(len(variables))}), []
    plan = evaluation_plan(rows, size, task.rows.weights)
    length = steps_at_once(task, source, len(variables), size)
    with contextlib.closing(prefetch(cut(plan, source, length=length), _AHEAD)) as parts:
        for part in parts:
            totals, predictions = compiled(totals, part, seen, source.resident)
            found.append(backend.to_numpy(predictions).astype(np.float64))
    width = found[0].shape[-1]
    together = np.concatenate([part.reshape(len(variables), -1, width) for part in found], axis=1)
    return backend.to_numpy(totals["loss"]).astype(np.float64), together


def _scoring(backend: Backend, model: Model) -> Any:
    step = evaluation_step(model, backend)

    def look(totals: Any, plan: Any, seen: Any, rows: Any) -> Any:
        totals, predictions = backend.scan(step, totals, plan, {**rows, **seen})
        # Members, steps, rows of a batch, numbers.
        return totals, backend.xp.permute_dims(predictions, (1, 0, 2, 3))

    return backend.compile(look, loops=True, members=(0, 1, 0, None))


def _prediction(backend: Backend, model: Model) -> Any:
    xp = backend.xp

    def forward(params: Any, buffers: Any, inputs: Any) -> Any:
        known = Variables(params, buffers)
        outputs, _ = model.apply(known, inputs, xp=xp, key=None, training=False)
        return model.predict(known, xp.astype(outputs, xp.float), xp=xp)

    return backend.compile(forward)


def _padded(rows: Rows, at: int, size: int) -> Tree:
    """Return `size` rows from `at` on, the last one repeated where there are no more."""
    indices = np.minimum(np.arange(at, at + size), len(rows) - 1)
    picked: Tree = tree_map(lambda column: column[indices], dict(rows.inputs))
    return picked
