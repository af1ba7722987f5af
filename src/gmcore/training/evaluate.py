"""The scores of trained members on given rows, and their predictions."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from gmcore.domain import Array, Rows, Tree, ValidationResult, Variables
from gmcore.domain.tree import tree_map
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import Backend, Model, Pass, TrainingTask
from gmcore.training.fleet.members import common_of, evaluation_batch, stack, weight_of
from gmcore.training.fleet.plan import evaluation_plan
from gmcore.training.fleet.prefetch import prefetch
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.fleet.row_source import RowSource, common_arrays
from gmcore.training.fleet.scoring import scoring_program
from gmcore.training.fleet.segments import EvaluationSegment, evaluation_segments, steps_per_call
from gmcore.training.fleet.trees import EvaluationInputs, Totals
from gmcore.training.metric_numbers import score

__all__ = ["evaluate", "predict", "prepared_evaluation"]

_PREDICTED_AT_ONCE = 1024
_PREFETCHED = 2


def evaluate(
    task: TrainingTask, source: RowSource, members: Sequence[tuple[Variables, np.ndarray]]
) -> list[ValidationResult]:
    """Return one result per member, each a pair of variables and the indices of the rows to score on."""
    begun = time.perf_counter()
    variables, rows = zip(*members, strict=True)
    losses, predictions = _losses_and_predictions(task, source, variables, rows)
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


def prepared_evaluation(task: TrainingTask, source: RowSource, rows: Sequence[np.ndarray]) -> Callable[[], None] | None:
    """Return a function that compiles what `evaluate` needs for members with these rows, see `Backend.prepare`.

    None for rows that stay on the host, which take much longer to evaluate than the program to compile.
    """
    if not source.resident:
        return None
    one = task.model.init(SizingGenerator())
    repeated = lambda leaf: np.broadcast_to(leaf, (len(rows), *leaf.shape))
    inputs: EvaluationInputs = {"params": tree_map(repeated, one.params), "buffers": tree_map(repeated, one.buffers)}
    totals: Totals = {"loss": np.zeros(len(rows)), "by_metric": {}}
    # Of the rows only those of the first call matter, whose shape is that of most calls.
    batch_size = evaluation_batch(task)
    most = batch_size * steps_per_call(task, source, members=len(rows), batch_size=batch_size)
    batches, length = next(_segments(task, source, [one[:most] for one in rows]))
    common = common_arrays(source, one.shared)
    program = scoring_program(task.backend, task.model)
    return task.backend.prepare(program, totals, batches, length, inputs, common, on_device=(0, 3, 4))


def predict(backend: Backend, model: Model, variables: Variables, rows: Rows) -> np.ndarray:
    """Return one member's predictions for all rows, `(rows, *output_shape)` float64, see `Target.output_shape`."""
    program = cached_program(backend, ("prediction", model), lambda: _prediction_program(backend, model))
    params, buffers, shared = backend.asarray((variables.params, variables.buffers, variables.shared))
    # A power of two, so that calls with any numbers of rows share few programs.
    size = min(_PREDICTED_AT_ONCE, 1 << max(0, len(rows) - 1).bit_length())
    parts = [
        backend.to_numpy(program(params, buffers, shared, backend.asarray(_padded(rows, at, size))))[: len(rows) - at]
        for at in range(0, len(rows), size)
    ]
    nothing = np.empty((0, *model.schema.target.output_shape))
    return np.concatenate([nothing, *parts]).astype(np.float64)


def _losses_and_predictions(
    task: TrainingTask, source: RowSource, variables: Sequence[Variables], rows: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the members' summed losses, `(members,)`, and predictions, `(members, rows, *output_shape)`, float64.

    Of members with fewer rows than the longest one, the predictions at the end have no meaning.
    """
    backend, count, program = task.backend, len(variables), scoring_program(task.backend, task.model)
    inputs: EvaluationInputs = {
        "params": stack([one.params for one in variables]),
        "buffers": stack([one.buffers for one in variables]),
    }
    inputs = backend.asarray(inputs)
    common = common_arrays(source, backend.asarray(common_of(task.model, variables)))
    totals: Totals = {"loss": backend.asarray(np.zeros(count)), "by_metric": {}}
    longest, done = max(map(len, rows)), 0
    found = np.empty((count, longest, *task.model.schema.target.output_shape))
    with contextlib.closing(prefetch(_segments(task, source, rows), _PREFETCHED)) as prefetched:
        for batches, length in prefetched:
            totals, predictions = program(totals, batches, length, inputs, common)
            part = backend.to_numpy(predictions)[:, :length].reshape(count, -1, *found.shape[2:])[:, : longest - done]
            found[:, done : done + part.shape[1]] = part
            done += part.shape[1]
    return backend.to_numpy(totals["loss"]).astype(np.float64), found


def _segments(task: TrainingTask, source: RowSource, rows: Sequence[np.ndarray]) -> Iterator[EvaluationSegment]:
    """Yield the steps that evaluate the rows of each member."""
    batch_size = evaluation_batch(task)
    plan = evaluation_plan(rows, batch_size, task.rows.weights)
    most = steps_per_call(task, source, members=len(rows), batch_size=batch_size)
    numbers = len(rows) * batch_size * math.prod(task.model.schema.target.output_shape)
    return evaluation_segments(plan, source, length=most, results=numbers * np.dtype(task.backend.dtype).itemsize)


def _prediction_program(backend: Backend, model: Model) -> Callable[[Tree, Tree, Tree, Mapping[str, Array]], Array]:
    """Return the program that predicts one member's rows."""
    xp = backend.xp

    def forward(params: Tree, buffers: Tree, shared: Tree, inputs: Mapping[str, Array]) -> Array:
        variables = Variables(params, buffers, shared)
        outputs = model.apply(variables, inputs, Pass(xp=xp))
        return model.predict(variables, xp.astype(outputs, xp.float), xp=xp)

    return backend.compile(forward)


def _padded(rows: Rows, at: int, size: int) -> Mapping[str, np.ndarray]:
    """Return the inputs of `size` rows from `at` on, padded with the last row."""
    indices = np.minimum(np.arange(at, at + size), len(rows) - 1)
    return tree_map(lambda column: column[indices], dict(rows.inputs))
