"""What each segment of each epoch is: cut from that epoch's plan, and from no other's."""

import attrs
import numpy as np
import pytest

from gmcore.domain import Member, WorkflowConfig
from gmcore.domain.tree import tree_flatten
from gmcore.nn.optimizers import SGD, AdamW
from gmcore.nn.schedules import Constant, Cosine, WarmUp
from gmcore.testing.fakes import two_moons
from gmcore.training.fleet.plan import TrainingPlan
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.segments import Position, steps_per_call, training_segments

EPOCHS = 60


def plan_of(optimizer, schedule):
    settings = {name: np.full(2, value) for name, value in optimizer.settings.items()}
    return TrainingPlan(
        members=[Member(index=0, train=np.arange(40)), Member(index=1, train=np.arange(33))],
        config=WorkflowConfig(batch_size=8, max_epochs=EPOCHS),
        schedule=schedule,
        optimizer=optimizer,
        settings=settings,
    )


@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.9), AdamW()], ids=repr)
@pytest.mark.parametrize("schedule", [Constant(), Cosine(), WarmUp(fraction=0.1, then=Cosine())], ids=repr)
@pytest.mark.parametrize("length", [2, 100])
def test_a_segment_has_the_numbers_of_its_own_epoch(optimizer, schedule, length):
    plan = plan_of(optimizer, schedule)
    # As if the rows were on the device: only plans are cut.
    rows = RowSource(rows=two_moons(40), resident={"inputs": {}, "targets": np.zeros(1)})
    expected = [tree_flatten(plan.epoch(epoch)) for epoch in range(EPOCHS)]
    for segment in training_segments(plan, rows, length=length, start=Position()):
        for name, leaf in tree_flatten(segment.batches).items():
            wanted = expected[segment.epoch][name][segment.start : segment.end]
            np.testing.assert_array_equal(leaf[: segment.length], wanted, err_msg=f"{name} in epoch {segment.epoch}")


@pytest.mark.parametrize(("length", "expected"), [(100, {8}), (3, {3}), (2, {2})])
def test_segments_are_padded_but_never_beyond_the_length_that_is_asked_for(length, expected):
    """Of the five steps of an epoch."""
    plan, rows = plan_of(SGD(), Constant()), two_moons(40)
    resident = RowSource(rows=rows, resident={"inputs": {}, "targets": np.zeros(1)})
    for source, sizes in ((resident, expected), (RowSource(rows=rows, resident={}), None)):
        for segment in training_segments(plan, source, length=length, start=Position()):
            found = {len(leaf) for leaf in tree_flatten(segment.batches).values()}
            assert found == (sizes or {segment.length})


def test_what_is_the_same_in_all_epochs_stays_the_same_object():
    plan = plan_of(AdamW(), Constant())
    rows = RowSource(rows=two_moons(40), resident={"inputs": {}, "targets": np.zeros(1)})
    segments = list(training_segments(plan, rows, length=3, start=Position()))
    assert len({id(segment.batches["weights"]) for segment in segments}) == 2


def test_a_call_has_as_many_steps_as_its_operations_and_its_bytes_allow(task):
    """Of 40 parameters of float32, two float64 numbers and a class of 4 bytes."""
    host = RowSource(rows=task.rows, resident={})
    resident = attrs.evolve(host, resident={"inputs": {}, "targets": np.zeros(1)})
    assert task.model.info.parameter_count == 40
    most = {"members": 1, "batch_size": 16}
    assert steps_per_call(task, resident, **most) == min(8192, int(2e10 / (6 * 40 * 16)))
    assert steps_per_call(task, resident, members=8, batch_size=4096) == int(2e10 / (6 * 40 * 4096 * 8))
    assert steps_per_call(task, host, members=8, batch_size=4096) == (64 << 20) // (20 * 4096 * 8)
    assert steps_per_call(task, host, members=1000, batch_size=1 << 20) == 1
