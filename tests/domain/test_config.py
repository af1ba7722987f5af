"""Settings of a run: each is validated at its field."""

import re

import pytest

from gmcore.domain import (
    BatchConfig,
    CheckpointConfig,
    EarlyStoppingConfig,
    SequenceConfig,
    SplitConfig,
    WorkflowConfig,
)

REFUSED = [
    (BatchConfig, "batch_size", 0),
    (BatchConfig, "seed", -1),
    (SplitConfig, "fraction", 1.0),
    (SplitConfig, "fraction", -0.1),
    (SplitConfig, "fraction", float("nan")),
    (SplitConfig, "strategy", "any"),
    (SplitConfig, "seed", -1),
    (EarlyStoppingConfig, "patience", 0),
    (EarlyStoppingConfig, "min_delta", -1e-9),
    (EarlyStoppingConfig, "fraction", 0.0),
    (EarlyStoppingConfig, "fraction", 1.0),
    (CheckpointConfig, "seconds", -1.0),
    (CheckpointConfig, "every_epochs", 0),
    (CheckpointConfig, "every_steps", 0),
    (CheckpointConfig, "keep", 0),
    (CheckpointConfig, "on_error", "ignore"),
    (SequenceConfig, "max_length", 0),
    (SequenceConfig, "count", 0),
    (SequenceConfig, "strategy", "any"),
    (SequenceConfig, "seed", -1),
    (WorkflowConfig, "max_epochs", 0),
    (WorkflowConfig, "batch_size", 0),
    (WorkflowConfig, "early_stopping", True),
    (WorkflowConfig, "members_per_chunk", 0),
    (WorkflowConfig, "row_memory", 0),
    (WorkflowConfig, "shuffle", "rows"),
]


@pytest.mark.parametrize(("kind", "name", "value"), REFUSED)
def test_a_value_out_of_range_is_refused(kind, name, value):
    others = {"max_length": 9} if kind is SequenceConfig else {}
    with pytest.raises((ValueError, TypeError), match=re.escape(name)):
        kind(**{**others, name: value})


def test_values_at_the_ends_of_their_ranges_are_accepted():
    SplitConfig(fraction=0.0)
    EarlyStoppingConfig(patience=1, min_delta=0.0)
    CheckpointConfig(seconds=0.0, every_epochs=1, every_steps=1, keep=1, on_error="continue")
    CheckpointConfig(seconds=float("inf"))
    SequenceConfig(max_length=1, count=1)
    WorkflowConfig(max_epochs=1, batch_size=1, members_per_chunk=1, row_memory=1, shuffle="blocks")
