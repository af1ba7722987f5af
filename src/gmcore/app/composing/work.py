"""The size of a run, from which `backend = "auto"` estimates how long each backend would take."""

import math
from typing import Literal

from gmcore.app.composing.run_config import RunConfig
from gmcore.domain import Rows, Work
from gmcore.ports import CrossValidator, Model, SupportsSplit
from gmcore.training import folds_of

__all__ = ["Command", "work_of"]

Command = Literal["train", "validate", "search"]

# Forward and backward pass: a multiplication and an addition each for outputs, inputs' and weights' gradients.
_OPERATIONS_PER_PARAMETER = 6.0
# How many a search trains is known only to its strategy.
_MEMBERS_OF_A_SEARCH = 100


def work_of(
    command: Command, config: RunConfig, model: Model, rows: Rows, validator: CrossValidator | SupportsSplit
) -> Work:
    """Return the size of a run: every epoch up to the last one possible, of all rows, for all models at once.

    A search counts as 100 models.

    Raises:
        DataError: if the rows can't be split by the cross-validator, for `"validate"`.
    """
    training = config.training.config
    members = {"train": 1, "search": _MEMBERS_OF_A_SEARCH}.get(command) or len(folds_of(validator, rows))
    steps = float(training.max_epochs * training.steps_per_epoch(len(rows)))
    parameters, outputs = model.info.parameter_count, sum(math.prod(one.output_shape) for one in model.info.layers)
    return Work(
        steps=steps,
        operations=_OPERATIONS_PER_PARAMETER * parameters * training.batch_size * members * steps,
        elements=(outputs * training.batch_size + parameters) * members * steps,
    )
