"""How a fleet is cut: by what fits, estimated from shapes and near to what is taken."""

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from gmcore.domain import LayerInfo, Memory, ModelInfo, Schema
from gmcore.errors import ConfigError
from gmcore.nn import summarize
from gmcore.nn.preprocessing import Standardize
from gmcore.testing import GuardedBackend
from gmcore.testing.fakes import two_moons
from gmcore.training.chunks import plan_chunks

GROWTH = Path(__file__).with_name("memory_growth.py")


class Sized(GuardedBackend):
    """A backend whose device has so much memory."""

    total = 0
    device = "cpu"
    compute = "float32"

    def memory(self):
        return Memory(total=self.total, active=0, peak=0)


@attrs.frozen
class Informed:
    """As much of a model as is asked how much it takes."""

    info: ModelInfo
    schema: Schema


def with_layers(task, *layers):
    info = attrs.evolve(task.model.info, layers=layers)
    return attrs.evolve(task, model=Informed(info, task.model.schema))


@pytest.fixture
def on_device(configured):
    """Return a task on a device of so many bytes, which computes in so narrow a precision."""

    def task(total, device="cpu", compute="float32", **changes):
        task = configured(**changes)
        backend = Sized(inner=task.backend)
        backend.total, backend.device, backend.compute = total, device, compute
        return attrs.evolve(task, backend=backend)

    return task


def test_a_chunk_is_what_fits_into_a_quarter_of_the_memory(on_device):
    one = plan_chunks(on_device(1 << 40), 10).member
    assert plan_chunks(on_device(1 << 40), 10).members == 10
    assert plan_chunks(on_device(17 * one), 10).members == 4
    assert plan_chunks(on_device(17 * one, members_per_chunk=3), 10).members == 3
    assert plan_chunks(on_device(17 * one, members_per_chunk=30), 10).members == 10


def test_chunks_are_of_one_size_where_they_can_be(on_device):
    one = plan_chunks(on_device(1 << 40), 10).member
    assert plan_chunks(on_device(4 * 9 * one), 10).members == 5


def test_the_rows_count_once_and_where_they_are_on_the_device_alone(on_device):
    # 203 rows of two numbers and a class.
    plan = plan_chunks(on_device(1 << 40), 2)
    assert plan.rows == 203 * 3 * 4
    assert plan.estimated == plan.rows + 2 * plan.member
    assert plan.under_way == 0
    streamed = plan_chunks(on_device(1 << 40, row_memory=100), 2)
    assert streamed.rows == 0
    # Four pieces, each of all rows of both members, since those are few: two numbers of float64, and a class.
    assert streamed.under_way == 4 * 2 * 203 * (2 * 8 + 4)
    assert streamed.estimated == streamed.under_way + 2 * streamed.member


def test_what_a_member_has_more_of_takes_more(on_device):
    one = plan_chunks(on_device(1 << 40), 1).member
    assert plan_chunks(on_device(1 << 40, batch_size=160), 1).member > one
    wider = on_device(1 << 40)
    assert plan_chunks(attrs.evolve(wider, model=attrs.evolve(wider.model, hidden=80)), 1).member > one


def test_rows_on_their_way_are_as_many_as_a_piece_has(on_device):
    task = on_device(1 << 40, row_memory=100)
    many = attrs.evolve(task, rows=two_moons(200_000))
    assert plan_chunks(many, 50).under_way == 4 * (64 << 20)


def layer(**told):
    return LayerInfo(**{"name": "one", "description": "", "output_shape": (8,), "parameters": 0} | told)


def test_buffers_count(on_device):
    task = on_device(1 << 40)
    few, many = (plan_chunks(with_layers(task, layer(buffers=count)), 1).member for count in (0, 10_000))
    assert many - few == 6 * 10_000 * 4
    (told,) = summarize(Standardize(), (7,))
    assert (told.parameters, told.buffers) == (0, 14)


def test_each_row_counts_for_each_member(on_device):
    task = on_device(1 << 40)
    some, more = (plan_chunks(attrs.evolve(task, rows=two_moons(count)), 5).member for count in (40_000, 50_000))
    # Its places, how much it counts, and a prediction of two classes, of which a fifth is a member's.
    assert more - some == 10_000 * (3 * 8 + 4 * 4 + 2 * 4 + 8 + 4 + 2 * (2 * 8 + 4) // 5)


@pytest.mark.parametrize(("device", "share"), [("cpu", 1.0), ("metal", 0.5)])
@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_in_a_narrow_precision_what_layers_learn_puts_out_half_as_much_but_on_a_cpu(on_device, device, compute, share):
    def grown(layers, **narrow):
        """Return what 10,000 more rows a batch take."""
        sizes = [
            plan_chunks(with_layers(on_device(1 << 40, device, batch_size=size, **narrow), *layers), 1).member
            for size in (10_000, 20_000)
        ]
        return sizes[1] - sizes[0]

    layers = layer(output_shape=(5,)), layer(output_shape=(3,)), layer(parameters=9), layer(output_shape=(4, 5))
    # Two inputs; of what comes before the weights the widest.
    entering, learnt = 10_000 * (2 + 5) * 4, 10_000 * 3 * (8 + 20) * 4
    assert grown(layers) == entering + learnt
    assert grown(layers, compute=compute) == entering + share * learnt


def test_in_a_narrow_precision_weights_stay_wide_and_have_narrow_copies(on_device):
    wide, narrow = (
        plan_chunks(with_layers(on_device(1 << 40, compute=compute), layer(parameters=10_000)), 1).member
        for compute in ("float32", "bfloat16")
    )
    assert narrow - wide == 10_000 * 2 * 2


def test_a_member_that_does_not_fit_is_refused_with_what_to_do(on_device):
    task = on_device(2 << 30)
    huge = attrs.evolve(task, model=attrs.evolve(task.model, hidden=30_000_000))
    with pytest.raises(ConfigError) as caught:
        plan_chunks(huge, 10)
    message = str(caught.value)
    assert message.startswith("training: one model is estimated to take ")
    assert "and there are 2.0 GB on cpu: set a smaller training.batch_size or a smaller model" in message
    assert "training.row_memory" in message


@pytest.mark.parametrize("case", ["weights", "sgd", "rows", "streamed"])
def test_the_estimate_is_within_a_factor_of_two_of_what_is_taken(backend, case):
    """Measured as the growth of a child's memory, with fleets large enough to dwarf a program's own."""
    command = [sys.executable, str(GROWTH), backend.name, case]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, estimated = map(int, done.stdout.split())
    assert grown / 2 < estimated < grown * 2
