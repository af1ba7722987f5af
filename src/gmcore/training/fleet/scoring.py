"""The program that scores rows: it adds up losses and returns predictions."""

from collections.abc import Callable

from gmcore.domain import Array
from gmcore.ports import Backend, Model
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.fleet.steps.step import evaluation_step
from gmcore.training.fleet.trees import Common, EvaluationBatches, EvaluationInputs, EvaluationShared, Totals

__all__ = ["ScoringProgram", "scoring_program"]

ScoringProgram = Callable[[Totals, EvaluationBatches, int, EvaluationInputs, Common], tuple[Totals, Array]]


def scoring_program(backend: Backend, model: Model) -> ScoringProgram:
    """Return the program that adds to the totals and returns predictions, `(members, steps, batch, *output_shape)`.

    It takes `length` steps; the predictions of further ones have no meaning.
    """
    return cached_program(backend, ("scoring", model), lambda: _compiled(backend, model))


def _compiled(backend: Backend, model: Model) -> ScoringProgram:
    step = evaluation_step(model, backend)
    # From (steps, members, batch, …).
    axes = (1, 0, 2, *range(3, 3 + len(model.schema.target.output_shape)))

    def add_and_predict(
        totals: Totals, batches: EvaluationBatches, length: int, inputs: EvaluationInputs, common: Common
    ) -> tuple[Totals, Array]:
        shared: EvaluationShared = {**common, **inputs}
        totals, predictions = backend.scan(step, totals, batches, shared, length)
        return totals, backend.xp.permute_dims(predictions, axes)

    return backend.compile(add_and_predict, loops=True, members=(0, 1, None, 0, None), lengths=(2,))
