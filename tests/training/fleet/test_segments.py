"""What each segment of each epoch is: cut from that epoch's plan, and from no other's."""

import numpy as np
import pytest

from gmcore.domain import Member
from gmcore.domain.tree import tree_flatten
from gmcore.nn.optimizers import SGD, AdamW
from gmcore.nn.schedules import Constant, Cosine, WarmUp
from gmcore.testing.fakes import two_moons
from gmcore.training.fleet.plan import TrainingPlan
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.segments import Position, training_segments

EPOCHS = 60


def plan_of(optimizer, schedule):
    settings = {name: np.full(2, value) for name, value in optimizer.settings.items()}
    return TrainingPlan(
        members=[Member(index=0, train=np.arange(40)), Member(index=1, train=np.arange(33))],
        batch_size=8,
        shuffle=True,
        max_epochs=EPOCHS,
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
            np.testing.assert_array_equal(leaf, wanted, err_msg=f"{name} in epoch {segment.epoch}")


def test_what_is_the_same_in_all_epochs_stays_the_same_object():
    plan = plan_of(AdamW(), Constant())
    rows = RowSource(rows=two_moons(40), resident={"inputs": {}, "targets": np.zeros(1)})
    segments = list(training_segments(plan, rows, length=3, start=Position()))
    assert len({id(segment.batches["weights"]) for segment in segments}) == 2
