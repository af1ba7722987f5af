"""How a fleet is cut: by what fits, estimated from shapes and near to what is taken."""

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from gmcore.domain import Memory
from gmcore.errors import ConfigError
from gmcore.testing import GuardedBackend
from gmcore.training.chunks import plan_chunks

GROWTH = Path(__file__).with_name("memory_growth.py")


class Sized(GuardedBackend):
    """A backend whose device has so much memory."""

    total = 0

    def memory(self):
        return Memory(total=self.total, active=0, peak=0)


@pytest.fixture
def on_device(configured):
    """Return a task on a device of so many bytes."""

    def task(total, **changes):
        task = configured(**changes)
        backend = Sized(inner=task.backend)
        backend.total = total
        return attrs.evolve(task, backend=backend)

    return task


def test_a_chunk_is_what_fits_into_a_quarter_of_the_memory(on_device):
    one = plan_chunks(on_device(1 << 40), 1).member
    assert plan_chunks(on_device(1 << 40), 10).members == 10
    assert plan_chunks(on_device(17 * one), 10).members == 4
    assert plan_chunks(on_device(17 * one, members_per_chunk=3), 10).members == 3
    assert plan_chunks(on_device(17 * one, members_per_chunk=30), 10).members == 10


def test_chunks_are_of_one_size_where_they_can_be(on_device):
    one = plan_chunks(on_device(1 << 40), 1).member
    assert plan_chunks(on_device(4 * 9 * one), 10).members == 5


def test_the_rows_count_once_and_where_they_are_on_the_device_alone(on_device):
    # 203 rows of two numbers and a class.
    plan = plan_chunks(on_device(1 << 40), 2)
    assert plan.rows == 203 * 3 * 4
    assert plan.estimated == plan.rows + 2 * plan.member
    assert plan_chunks(on_device(1 << 40, row_memory=100), 2).rows == 0


def test_what_a_member_has_more_of_takes_more(on_device):
    one = plan_chunks(on_device(1 << 40), 1).member
    assert plan_chunks(on_device(1 << 40, batch_size=160), 1).member > one
    wider = on_device(1 << 40)
    assert plan_chunks(attrs.evolve(wider, model=attrs.evolve(wider.model, hidden=80)), 1).member > one


def test_a_member_that_does_not_fit_is_refused_with_what_to_do(on_device):
    task = on_device(2 << 30)
    huge = attrs.evolve(task, model=attrs.evolve(task.model, hidden=30_000_000))
    with pytest.raises(ConfigError) as caught:
        plan_chunks(huge, 10)
    message = str(caught.value)
    assert message.startswith("training: one model is estimated to take ")
    assert "and there are 2.0 GB on cpu: set a smaller training.batch_size or a smaller model" in message
    assert "training.row_memory" in message


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_estimate_is_within_a_factor_of_two_of_what_is_taken(backend, optimizer):
    """Measured as the growth of a child's memory, with models large enough to dwarf a program's own."""
    command = [sys.executable, str(GROWTH), backend.name, optimizer]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, estimated = map(int, done.stdout.split())
    assert grown / 2 < estimated < grown * 2
