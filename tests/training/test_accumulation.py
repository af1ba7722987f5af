import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import Member
from gmcore.domain.tree import tree_flatten
from gmcore.nn.gradients import Accumulation, Backpropagation
from gmcore.nn.layers import BatchNorm, Concatenate, Dense, Sequential
from gmcore.nn.network import Network
from gmcore.training import GradientDescent
from gmcore.training.chunks import plan_chunks

WORKFLOW = GradientDescent()


@pytest.fixture
def without_dropout(configured):
    """Return a call that returns a task of a model without random numbers, in batches of 50 rows."""

    def task(**changes):
        there = configured(batch_size=50, max_epochs=2, early_stopping=None)
        model = attrs.evolve(there.model, dropout=0.0)
        return attrs.evolve(there, **{"model": model, **changes})

    return task


@pytest.mark.parametrize(
    "weighted", [pytest.param(False, marks=pytest.mark.slow, id="equal rows"), pytest.param(True, id="weighted rows")]
)
def test_ragged_members_are_trained_as_by_the_whole_batch_up_to_rounding(without_dropout, fleet, weighted):
    """Seven parts of 50 rows: parts of 8 rows, of which the last one is padded, and all of the last parts are empty."""
    task = without_dropout()
    if weighted:
        weights = np.random.default_rng(1).uniform(0.1, 3.0, size=203)
        task = attrs.evolve(task, rows=attrs.evolve(task.rows, weights=weights))
    whole = WORKFLOW.train(task, fleet(3))
    parts = WORKFLOW.train(attrs.evolve(task, gradients=Accumulation(parts=7)), fleet(3))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(other.history["train_loss"], one.history["train_loss"], rtol=1e-5)


def test_each_part_draws_its_own_random_numbers(task):
    """Two parts of the same rows would otherwise drop the same units."""
    backend = task.backend

    class Looking(Backpropagation):
        # Returns the keys as the losses.
        def gradient(self, loss, params, buffers, batch, *, backend):
            found, slopes = super().gradient(loss, params, buffers, batch, backend=backend)
            value, (_, after) = found
            return (value, (backend.xp.astype(batch["key"][:, 0], backend.xp.float), after)), slopes

    def loss(params, buffers, batch):
        return backend.xp.sum(params["w"]), (backend.xp.sum(batch["weights"], axis=1), buffers)

    batch = {
        "inputs": {"numeric": np.zeros((2, 6, 1))},
        "targets": np.zeros((2, 6, 1)),
        "weights": np.ones((2, 6)),
        "key": np.array([[1, 2], [3, 4]], np.uint32),
    }
    params, batch = backend.asarray(({"w": np.zeros((2, 1))}, batch))
    (_, (sums, _)), _ = Accumulation(parts=2, then=Looking()).gradient(loss, params, {}, batch, backend=backend)
    (_, (once, _)), _ = Accumulation(parts=1, then=Looking()).gradient(loss, params, {}, batch, backend=backend)
    first, both = backend.to_numpy((once, sums))
    assert not np.allclose(both, 2 * first)


def test_a_part_in_which_a_member_has_no_rows_leaves_its_buffers(task):
    """Of three parts of two rows, the members have rows in all, in the first, in the last, and in none."""
    backend = task.backend

    def loss(params, buffers, batch):
        sums = backend.xp.sum(batch["weights"], axis=1)
        return backend.xp.sum(params["w"]), (sums, {"passes": buffers["passes"] + 1})

    weights = np.array([[1, 1, 1, 1, 1, 0], [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 2], [0, 0, 0, 0, 0, 0]], np.float64)
    batch = {"inputs": {"numeric": np.zeros((4, 6, 1))}, "targets": np.zeros((4, 6, 1)), "weights": weights}
    arrays = backend.asarray(({"w": np.zeros((4, 1))}, {"passes": np.zeros((4, 1))}, batch))
    (_, (sums, buffers)), _ = Accumulation(parts=3).gradient(loss, *arrays, backend=backend)
    sums, buffers = backend.to_numpy((sums, buffers))
    assert buffers["passes"][:, 0].tolist() == [3, 1, 1, 0]
    assert sums.tolist() == [5, 1, 3, 0]


def test_batch_statistics_are_those_of_a_part(without_dropout):
    """The documented exception: parts have their own statistics, and update the averages one by one."""
    task = without_dropout()
    layer = Sequential((Concatenate({"numeric": BatchNorm(momentum=0.5)}), Dense(2)))
    loss = gmcore.float32.losses.create("cross_entropy")
    task = without_dropout(model=Network(layer, loss, task.rows.schema))
    task = attrs.evolve(task, config=attrs.evolve(task.config, max_epochs=1))
    (whole,), (parts,) = (
        WORKFLOW.train(attrs.evolve(task, gradients=gradients), [Member(train=np.arange(50))])
        for gradients in (Backpropagation(), Accumulation(parts=2))
    )
    assert whole.final_loss != pytest.approx(parts.final_loss, rel=1e-6)
    before, after = (tree_flatten(one.variables.buffers) for one in (whole, parts))
    assert all(not np.allclose(leaf, after[name], rtol=1e-3) for name, leaf in before.items())


def test_the_estimate_of_memory_counts_one_part(configured):
    task = configured(batch_size=4096)
    large, small = (
        plan_chunks(attrs.evolve(task, gradients=gradients), 4).member
        for gradients in (Backpropagation(), Accumulation(parts=64))
    )
    assert small < large
    assert [Accumulation(parts=parts).rows_at_once(50) for parts in (1, 3, 7, 50, 100)] == [50, 17, 8, 1, 1]
    nested = Accumulation(parts=2, then=Accumulation(parts=5))
    assert nested.rows_at_once(50) == 5


@pytest.mark.parametrize("options", [{"parts": 0}, {"parts": 2, "then": "backpropagation"}], ids=str)
def test_options_out_of_range_are_refused(options):
    with pytest.raises((TypeError, ValueError), match=r"parts|then"):
        Accumulation(**options)
