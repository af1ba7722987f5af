"""The trees that training passes around have the keys that their types declare."""

import numpy as np
import pytest

from gmcore.training.fleet.members import initial_arrays
from gmcore.training.fleet.plan import evaluation_plan
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.trees import Carry, EvaluationBatches, State


def is_a(kind, tree):
    return kind.__required_keys__ <= set(tree) <= set(kind.__annotations__)


def test_carry_and_state(task, fleet):
    carry, state, *_ = initial_arrays(task, fleet(2))
    assert is_a(Carry, carry)
    assert is_a(State, state)


@pytest.mark.parametrize("on_device", [True, False])
def test_batches_have_either_indices_or_rows(task, on_device):
    resident = {"inputs": dict(task.rows.inputs), "targets": task.rows.targets} if on_device else {}
    source = RowSource(rows=task.rows, resident=resident)
    batches = source.gather(evaluation_plan([np.arange(5)], 4))
    assert is_a(EvaluationBatches, batches)
    assert ("indices" in batches) is on_device
    assert ("inputs" in batches) is not on_device
