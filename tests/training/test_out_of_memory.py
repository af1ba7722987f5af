"""Where memory runs out, members are computed in halves, to the same bits; listeners and the profile hear of it."""

import gc
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import attrs
import numpy as np
import pytest

from gmcore.domain import CheckpointConfig, Hooks
from gmcore.domain.tree import tree_leaves
from gmcore.errors import TrainingError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing import GuardedBackend
from gmcore.training import GradientDescent
from gmcore.training.fleet.device_chunk import DeviceChunk

LIMITED = Path(__file__).with_name("limited_memory.py")
# Halving is the trainer's work: one test sees that it fits the other backend's programs, and the rest repeat that.
mostly_metal = pytest.mark.parametrize("backend", ["metal", pytest.param("jax", marks=pytest.mark.slow)], indirect=True)
EVERY = CheckpointConfig(seconds=float("inf"), every_epochs=1, keep=2)


class ExhaustedError(Exception):
    """Stands in for what a library raises."""


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


@attrs.define(kw_only=True, eq=False)
class ScarceBackend(GuardedBackend):
    """A backend without the memory for programs of more than `most` members.

    Attributes:
        most: largest number of members.
        late: whether the error comes from the read after the call, as for work that is enqueued.
        spared: number of calls for too many members that succeed.
        failures: number of errors by number of members.
    """

    most: int
    late: bool = False
    spared: int = 0
    failures: Counter[int] = attrs.field(init=False, factory=Counter)
    _error: ExhaustedError | None = attrs.field(init=False, default=None)

    def compile(self, fn, *, members=(), **options):
        program = self.inner.compile(fn, members=members, **options)

        def call(*arguments):
            of_fleet = [pair for pair in zip(arguments, members, strict=False) if None not in pair]
            counts = {leaf.shape[axis] for one, axis in of_fleet for leaf in tree_leaves(one)}
            if max(counts, default=0) > self.most:
                self._fail(max(counts))
            return program(*arguments)

        return call

    def _fail(self, count):
        if self.spared:
            self.spared -= 1
            return
        self.failures[count] += 1
        error = ExhaustedError(f"no memory for {count} members")
        if not self.late:
            raise error
        self._error = error

    def to_numpy(self, arrays):
        error, self._error = self._error, None
        if error and self.late:
            raise error
        return self.inner.to_numpy(arrays)

    def prepare(self, program, *arguments, on_device=()):
        return lambda: None

    def is_out_of_memory(self, error):
        return isinstance(error, ExhaustedError) or self.inner.is_out_of_memory(error)


@attrs.define(eq=False)
class Heard:
    """What listeners heard of the chunks."""

    begun: list = attrs.field(factory=list)
    halved: list = attrs.field(factory=list)
    hooks: Hooks = attrs.field(init=False)

    @hooks.default
    def _hooks(self):
        return Hooks(
            fit_start=(lambda moment: self.begun.append(len(moment.members)),), out_of_memory=(self.halved.append,)
        )

    @property
    def counts(self):
        return [(len(one.members), one.tried, one.at_once) for one in self.halved]


@pytest.fixture
def scarce(configured):
    """Return a call that returns a task on a backend without memory for more than `most` members."""

    def task(most, *, hooks=None, store=None, late=False, spared=0, **changes):
        there = configured(**changes)
        backend = ScarceBackend(inner=there.backend, most=most, late=late, spared=spared)
        return attrs.evolve(there, backend=backend, hooks=hooks or Hooks(), checkpoints=store)

    return task


@pytest.fixture
def plenty(configured, fleet):
    """Return the results of five members with enough memory."""
    return GradientDescent().train(configured(), fleet(5))


@pytest.mark.parametrize("late", [False, True])
def test_members_are_trained_in_halves_to_the_same_bits(scarce, plenty, fleet, same_results, late):
    workflow, heard = GradientDescent(), Heard()
    task = scarce(2, hooks=heard.hooks, late=late)
    same_results(workflow.train(task, fleet(5)), plenty)
    assert heard.begun == [5, 3, 2, 2, 1]
    assert heard.counts == [(5, 5, 3), (3, 3, 2)]
    assert heard.halved[1].members == (0, 1, 2)
    assert (workflow.metrics["members_at_once"], workflow.metrics["halvings"]) == (2, 2)


@mostly_metal
def test_later_chunks_have_the_smaller_size_without_another_error(scarce, plenty, fleet, same_results):
    heard = Heard()
    task = scarce(1, hooks=heard.hooks, members_per_chunk=2)
    same_results(GradientDescent().train(task, fleet(5)), plenty)
    assert heard.begun == [2, 1, 1, 1, 1, 1]
    assert task.backend.failures == {2: 1}


@mostly_metal
def test_with_enough_memory_nothing_is_told(scarce, fleet):
    workflow, heard = GradientDescent(), Heard()
    workflow.train(scarce(5, hooks=heard.hooks), fleet(5))
    assert heard.halved == []
    assert (workflow.metrics["members_at_once"], workflow.metrics["halvings"]) == (5, 0)


@mostly_metal
@pytest.mark.parametrize("late", [False, True])
def test_members_are_scored_in_halves_to_the_same_bits(configured, scarce, plenty, fleet, late):
    members = fleet(5)
    variables, rows = [one.variables for one in plenty], [member.train for member in members]
    expected = GradientDescent().validate(configured(), variables, rows)
    workflow, heard = GradientDescent(), Heard()
    scored = workflow.validate(scarce(2, hooks=heard.hooks, late=late), variables, rows)
    for one, other in zip(scored, expected, strict=True):
        assert (one.loss, one.metrics) == (other.loss, other.metrics)
        np.testing.assert_array_equal(one.predictions, other.predictions)
    assert heard.counts == [(0, 5, 3), (0, 3, 2)]
    assert (workflow.metrics["members_at_once"], workflow.metrics["halvings"]) == (2, 2)


@mostly_metal
def test_members_are_scored_as_few_at_once_as_they_were_trained(scarce, fleet):
    workflow, heard, members = GradientDescent(), Heard(), fleet(5)
    task = scarce(2, hooks=heard.hooks)
    trained = workflow.train(task, members)
    workflow.validate(task, [one.variables for one in trained], [member.train for member in members])
    assert len(heard.halved) == 2
    assert workflow.metrics["halvings"] == 2


def test_where_one_member_is_too_many_one_error_says_what_to_do(scarce, fleet):
    with pytest.raises(TrainingError) as caught:
        GradientDescent().train(scarce(0), fleet(2))
    assert str(caught.value).startswith("cpu ran out of memory with one model at a time, which was estimated to take ")
    assert "set a smaller training.batch_size or a smaller model, or accumulation as" in str(caught.value)
    assert "training.row_memory" in str(caught.value)
    assert str(caught.value).endswith("(no memory for 1 members)")
    with pytest.raises(TrainingError, match="ran out of memory with one model at a time"):
        GradientDescent().validate(scarce(0), [scarce(0).model.init(np.random.default_rng(0))], [np.arange(9)])


def test_rows_that_do_not_fit_are_an_error_that_says_what_to_do(scarce, fleet):
    class NoRows(ScarceBackend):
        def asarray(self, host):
            if sum(leaf.size for leaf in tree_leaves(host)) > 203:
                raise ExhaustedError("no memory for rows")
            return super().asarray(host)

    task = scarce(9)
    with pytest.raises(TrainingError, match=r"training\.row_memory.*\(no memory for rows\)"):
        GradientDescent().train(attrs.evolve(task, backend=NoRows(inner=task.backend.inner, most=9)), fleet(2))


@mostly_metal
def test_other_errors_are_raised_as_they_are(configured, fleet):
    def fail(_):
        raise ValueError("a hook failed")

    halved = []
    task = attrs.evolve(configured(), hooks=Hooks(epoch_end=(fail,), out_of_memory=(halved.append,)))
    with pytest.raises(ValueError, match="a hook failed"):
        GradientDescent().train(task, fleet(3))
    assert halved == []


@mostly_metal
def test_the_arrays_of_what_failed_are_freed_before_the_next_attempt(scarce, fleet):
    alive = []
    count = lambda _: alive.append(sum(type(one) is DeviceChunk for one in gc.get_objects()))
    gc.collect()
    before = sum(type(one) is DeviceChunk for one in gc.get_objects())
    GradientDescent().train(scarce(2, hooks=Hooks(out_of_memory=(count,))), fleet(3))
    assert alive == [before]


# --- with checkpoints


def killing(writes):
    """Return hooks that raise `Killed` after `writes` checkpoints."""
    seen = []

    def count(moment):
        seen.append(moment)
        if len(seen) == writes:
            raise Killed

    return Hooks(checkpoint_saved=(count,))


def store_in(folder, hooks=None):
    return Checkpoints(folder=folder, config=EVERY, hooks=hooks or Hooks())


@mostly_metal
@pytest.mark.parametrize("writes", [1, 4, 8])
def test_a_run_killed_after_a_halving_goes_on_to_the_same_bits(scarce, plenty, fleet, tmp_path, same_results, writes):
    with pytest.raises(Killed):
        GradientDescent().train(scarce(2, store=store_in(tmp_path, killing(writes)), checkpoint=EVERY), fleet(5))
    heard = Heard()
    task = scarce(2, hooks=heard.hooks, store=store_in(tmp_path), checkpoint=EVERY)
    same_results(GradientDescent().train(task, fleet(5)), plenty)
    assert heard.begun == [2, 2, 1]
    assert heard.halved == []


@mostly_metal
def test_chunks_are_numbered_by_their_first_member(scarce, fleet, tmp_path):
    store = store_in(tmp_path)
    GradientDescent().train(scarce(2, store=store, checkpoint=EVERY), fleet(5))
    assert [(one.chunk, one.members, one.done) for one in store.latest()] == [
        (0, (0, 1), True),
        (2, (2, 3), True),
        (4, (4,), True),
    ]


@mostly_metal
@pytest.mark.parametrize("late", [False, True])
def test_the_checkpoints_of_a_chunk_that_ran_out_of_memory_later_are_replaced(
    scarce, plenty, fleet, tmp_path, same_results, late
):
    store, heard = store_in(tmp_path), Heard()
    task = scarce(3, hooks=heard.hooks, store=store, checkpoint=EVERY, late=late, spared=5)
    same_results(GradientDescent().train(task, fleet(5)), plenty)
    assert heard.begun == [5, 3, 2]
    assert [one.members for one in store.latest()] == [(0, 1, 2), (3, 4)]


@mostly_metal
def test_a_checkpoint_of_too_many_members_is_tried_once_and_then_trained_in_halves(
    scarce, configured, plenty, fleet, tmp_path, same_results
):
    whole = attrs.evolve(configured(checkpoint=EVERY), checkpoints=store_in(tmp_path, killing(2)))
    with pytest.raises(Killed):
        GradientDescent().train(whole, fleet(5))
    heard = Heard()
    task = scarce(3, hooks=heard.hooks, store=store_in(tmp_path), checkpoint=EVERY)
    same_results(GradientDescent().train(task, fleet(5)), plenty)
    assert heard.begun == [5, 3, 2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process is Linux's")
def test_a_process_without_the_memory_for_a_chunk_trains_it_in_halves_to_the_same_bits():
    done = subprocess.run([sys.executable, LIMITED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["same"]
    assert found["halved"][0] == [8, 4]
