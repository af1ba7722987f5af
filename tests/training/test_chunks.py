"""How a fleet is cut into chunks: by an estimate of memory that is close to the memory in use."""

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
    """A backend whose device has `total` bytes of memory."""

    total = 0
    device = "cpu"
    compute = "float32"

    def memory(self):
        return Memory(total=self.total, active=0, peak=0)


@attrs.frozen
class Informed:
    """The part of a model that the estimate needs."""

    info: ModelInfo
    schema: Schema


def with_layers(task, *layers):
    info = attrs.evolve(task.model.info, layers=layers)
    return attrs.evolve(task, model=Informed(info, task.model.schema))


@pytest.fixture
def on_device(configured):
    """Return a task on a device with `total` bytes of memory that computes in some precision."""

    def task(total, device="cpu", compute="float32", **changes):
        task = configured(**changes)
        backend = Sized(inner=task.backend)
        backend.total, backend.device, backend.compute = total, device, compute
        return attrs.evolve(task, backend=backend)

    return task


def test_a_chunk_has_as_many_members_as_fit_a_quarter_of_the_memory(on_device):
    one = plan_chunks(on_device(1 << 40), 10).member
    assert plan_chunks(on_device(1 << 40), 10).members == 10
    assert plan_chunks(on_device(17 * one), 10).members == 4
    assert plan_chunks(on_device(17 * one, members_per_chunk=3), 10).members == 3
    assert plan_chunks(on_device(17 * one, members_per_chunk=30), 10).members == 10


def test_chunks_have_equal_sizes_if_possible(on_device):
    one = plan_chunks(on_device(1 << 40), 10).member
    assert plan_chunks(on_device(4 * 9 * one), 10).members == 5


def test_the_rows_count_once_and_only_on_the_device(on_device):
    # 203 rows of two numbers and a class, padded to 1024 rows.
    plan = plan_chunks(on_device(1 << 40), 2)
    assert plan.rows == 1024 * 3 * 4
    assert plan.estimated == plan.rows + 2 * plan.member
    assert plan.in_transit == 0
    streamed = plan_chunks(on_device(1 << 40, row_memory=100), 2)
    assert streamed.rows == 0
    # Four segments, each with all rows of both members, since they are few: two float64 numbers and a class.
    assert streamed.in_transit == 4 * 2 * 203 * (2 * 8 + 4)
    assert streamed.estimated == streamed.in_transit + 2 * streamed.member


def test_padding_never_keeps_rows_off_the_device(on_device):
    fits, not_even_alone = (plan_chunks(on_device(1 << 40, row_memory=203 * 12 - less), 2).rows for less in (0, 1))
    assert fits == 203 * 12
    assert not_even_alone == 0


def test_larger_batches_and_layers_take_more_memory(on_device):
    one = plan_chunks(on_device(1 << 40), 1).member
    assert plan_chunks(on_device(1 << 40, batch_size=160), 1).member > one
    wider = on_device(1 << 40)
    assert plan_chunks(attrs.evolve(wider, model=attrs.evolve(wider.model, hidden=80)), 1).member > one


def test_a_batch_of_evaluation_counts_if_it_is_larger_than_one_of_training(on_device):
    # 40,000 rows are evaluated 4096 at a time.
    many = two_moons(40_000)
    members = [
        plan_chunks(attrs.evolve(on_device(1 << 40, batch_size=size), rows=many), 1).member
        for size in (16, 32, 4096, 8192)
    ]
    assert members[0] == members[1] < members[2] < members[3]
    # Training keeps three copies of the 8 outputs of the layer, evaluation one.
    assert members[2] - members[1] == 4096 * 8 * 4 * 2


def test_rows_in_transit_are_limited_by_the_size_of_a_segment(on_device):
    task = on_device(1 << 40, row_memory=100)
    many = attrs.evolve(task, rows=two_moons(200_000))
    assert plan_chunks(many, 50).in_transit == 4 * (64 << 20)


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
    # Its indices; its plans and its weight, with a quarter of padding; and a fifth of a prediction of two classes.
    assert more - some == 10_000 * (3 * 8 + 5 * (4 * 4 + 2 * 4 + 8 + 4) // 4 + 2 * (2 * 8 + 5) // 5)


@pytest.mark.parametrize(("device", "share"), [("cpu", 1.0), ("metal", 0.5)])
@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_in_a_narrow_precision_outputs_of_trained_layers_take_half_except_on_a_cpu(on_device, device, compute, share):
    def grown(layers, **narrow):
        """Return the bytes of 10,000 more rows per batch."""
        sizes = [
            plan_chunks(with_layers(on_device(1 << 40, device, batch_size=size, **narrow), *layers), 1).member
            for size in (10_000, 20_000)
        ]
        return sizes[1] - sizes[0]

    layers = layer(output_shape=(5,)), layer(output_shape=(3,)), layer(parameters=9), layer(output_shape=(4, 5))
    # Two inputs; of the layers before the first with parameters only the widest output.
    entering, learnt = 10_000 * (2 + 5) * 4, 10_000 * 3 * (8 + 20) * 4
    assert grown(layers) == entering + learnt
    assert grown(layers, compute=compute) == entering + share * learnt


def test_in_a_narrow_precision_weights_stay_wide_and_have_narrow_copies(on_device):
    wide, narrow = (
        plan_chunks(with_layers(on_device(1 << 40, compute=compute), layer(parameters=10_000)), 1).member
        for compute in ("float32", "bfloat16")
    )
    assert narrow - wide == 10_000 * 2 * 2


def test_a_member_that_does_not_fit_is_refused_with_advice(on_device):
    task = on_device(2 * 10**9)
    huge = attrs.evolve(task, model=attrs.evolve(task.model, hidden=30_000_000))
    with pytest.raises(ConfigError) as caught:
        plan_chunks(huge, 10)
    message = str(caught.value)
    assert message.startswith("training: one model is estimated to take ")
    assert "but cpu has 2.0 GB: set a smaller training.batch_size or a smaller model" in message
    assert "training.row_memory" in message


@pytest.mark.slow
@pytest.mark.parametrize("case", ["weights", "sgd", "rows", "streamed"])
def test_the_estimate_is_within_a_factor_of_two_of_the_memory_in_use(backend, case):
    """Measured as the growth of a child process, with fleets much larger than the programs."""
    command = [sys.executable, str(GROWTH), backend.name, case]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, estimated = map(int, done.stdout.split())
    assert grown / 2 < estimated < grown * 2
