"""The training plan: every row once per epoch, whatever the chunk."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmcore.domain import Member, WorkflowConfig, generator
from gmcore.errors import TrainingError
from gmcore.nn.optimizers import Adam
from gmcore.nn.schedules import Constant
from gmcore.ports import Schedule
from gmcore.training.fleet.plan import TrainingPlan, evaluation_plan


def plan_of(members, **changes):
    fields = {field.name for field in attrs.fields(WorkflowConfig)}
    config = {"batch_size": 8, "max_epochs": 3, **{name: changes.pop(name) for name in fields & changes.keys()}}
    optimizer = Adam()
    numbers = {name: np.full(len(members), value) for name, value in optimizer.settings.items()}
    others = {"schedule": Constant(), "optimizer": optimizer, **changes}
    return TrainingPlan(members=members, settings=numbers, config=WorkflowConfig(**config), **others)


def members_of(sizes, seed=0):
    starts = np.cumsum([0, *sizes[:-1]])
    return [
        Member(index=place, train=np.arange(start, start + size), seed=seed)
        for place, (start, size) in enumerate(zip(starts, sizes, strict=True))
    ]


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4), batch_size=st.integers(1, 16), epoch=st.integers(0, 3)
)
def test_every_training_row_is_seen_exactly_once_an_epoch(sizes, batch_size, epoch):
    members = members_of(sizes)
    plan = plan_of(members, batch_size=batch_size).epoch(epoch)
    for place, member in enumerate(members):
        counted = plan["weights"][:, place] > 0
        seen = plan["indices"][:, place][counted]
        assert sorted(seen) == list(member.train)
        assert set(plan["indices"][:, place].ravel()) <= set(member.train)


@given(sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4), epoch=st.integers(0, 2))
def test_a_members_batches_do_not_depend_on_the_others(sizes, epoch):
    members = members_of(sizes)
    together, steps = plan_of(members).epoch(epoch), plan_of(members).steps
    for place, member in enumerate(members):
        alone = plan_of([member]).epoch(epoch)
        for name in ("indices", "weights", "weight", "counts", "key"):
            np.testing.assert_array_equal(together[name][: steps[place], place], alone[name][:, 0])
        for name, values in alone["coefficients"].items():
            np.testing.assert_array_equal(together["coefficients"][name][: steps[place], place], values[:, 0])


def test_steps_beyond_a_members_last_have_no_rows():
    plan = plan_of(members_of([20, 8])).epoch(0)
    np.testing.assert_array_equal(plan["counts"], [[True, True], [True, False], [True, False]])
    np.testing.assert_array_equal(plan["weight"], [[8, 8], [8, 1], [4, 1]])


def test_arrays_that_no_epoch_changes_are_read_only():
    plan = plan_of(members_of([20, 8]))
    first, second = plan.epoch(0), plan.epoch(1)
    for name in ("weights", "weight", "counts"):
        assert first[name] is second[name]
        assert not first[name].flags.writeable
    assert first["indices"].flags.writeable


@given(size=st.integers(1, 3000), epoch=st.integers(0, 2))
def test_shuffling_by_blocks_sees_every_row_once_and_keeps_neighbours_near(size, epoch):
    (member,) = members_of([size])
    plan = plan_of([member], shuffle="blocks").epoch(epoch)
    seen = plan["indices"][plan["weights"] > 0]
    assert sorted(seen) == list(range(size))
    again = plan_of([member], shuffle="blocks").epoch(epoch)
    np.testing.assert_array_equal(plan["indices"], again["indices"])


def test_shuffling_by_blocks_reads_a_window_of_blocks_at_a_time():
    (member,) = members_of([64 * 256 * 3])
    seen = plan_of([member], shuffle="blocks", batch_size=64 * 256).epoch(0)["indices"]
    for window in seen.reshape(3, -1):
        assert len(np.unique(window // 256)) == 64
        assert not np.array_equal(window, np.sort(window))


def test_shuffling_by_blocks_reads_neighbours_whatever_the_order_of_a_members_rows():
    (member,) = members_of([1000])
    mixed = attrs.evolve(member, train=np.random.default_rng(0).permutation(1000))
    ours, theirs = (plan_of([one], shuffle="blocks").epoch(0)["indices"] for one in (mixed, member))
    np.testing.assert_array_equal(ours, theirs)


def test_a_model_without_randomness_gets_no_keys():
    assert "key" not in plan_of(members_of([20]), needs_keys=False).epoch(0)


def test_another_epoch_and_another_seed_give_another_order():
    (member,) = members_of([40])
    first, second = (plan_of([member]).epoch(epoch)["indices"] for epoch in (0, 1))
    other = plan_of([attrs.evolve(member, seed=1)]).epoch(0)["indices"]
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_no_two_steps_members_or_epochs_share_a_key():
    plan = plan_of(members_of([80, 80, 80]))
    keys = np.concatenate([plan.epoch(epoch)["key"].reshape(-1, 2) for epoch in range(5)])
    assert len(np.unique(keys, axis=0)) == len(keys)


def test_keys_are_the_numbers_of_splitmix64():
    # As Java's SplittableRandom prints them from the seed 0.
    assert [splitmix64(0, place) for place in range(2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]
    members = [attrs.evolve(member, seed=5) for member in members_of([20, 20])]
    for epoch in (0, 3):
        key = plan_of(members).epoch(epoch)["key"].astype(object)
        for place, step in np.ndindex(2, 3):
            state = int(generator(5, "dropout", place).integers(0, 2**64, dtype=np.uint64))
            number = splitmix64(state, (epoch << 32) + step)
            assert key[step, place].tolist() == [number >> 32, number % 2**32]


def splitmix64(state, place):
    """Return the number at a place of the sequence that starts from a state (Steele, Lea and Flood, 2014)."""
    mixed = (state + (place + 1) * 0x9E3779B97F4A7C15) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return mixed ^ (mixed >> 31)


def test_steps_count_on_over_epochs():
    plan = plan_of(members_of([20, 8]), optimizer=Adam(beta1=0.5, learning_rate=1.0))
    size = plan.epoch(1)["coefficients"]["size"]
    np.testing.assert_allclose(size, 1e-3 / (1 - 0.5 ** np.array([[4, 2], [5, 3], [6, 4]])), rtol=1e-14)


def test_without_shuffling_rows_come_in_order():
    plan = plan_of(members_of([10]), shuffle=False).epoch(2)
    np.testing.assert_array_equal(plan["indices"].ravel()[:10], np.arange(10))


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4), epoch=st.integers(0, 3))
def test_without_the_last_batch_every_batch_is_full(sizes, epoch):
    members = members_of(sizes)
    plan = plan_of(members, drop_last=True)
    batches = plan.epoch(epoch)
    for place, member in enumerate(members):
        sizes_of_batches = (batches["weights"][:, place] > 0).sum(axis=1)
        full = len(member.train) // 8
        assert sizes_of_batches[: plan.steps[place]].tolist() == ([8] * full if full else [len(member.train)])
        seen = batches["indices"][:, place][batches["weights"][:, place] > 0]
        assert len(np.unique(seen)) == len(seen)
        assert np.isin(seen, member.train).all()


def test_other_rows_are_left_out_in_each_epoch():
    (member,) = members_of([20])
    plan = plan_of([member], drop_last=True)
    left_out = {
        tuple(np.setdiff1d(member.train, batches["indices"][batches["weights"] > 0]))
        for batches in map(plan.epoch, range(5))
    }
    assert {len(rows) for rows in left_out} == {4}
    assert len(left_out) == 5


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4), batch_size=st.integers(1, 16))
def test_rows_are_evaluated_in_order_and_padding_weighs_nothing(sizes, batch_size):
    rows = [np.arange(size)[::-1] for size in sizes]
    plan = evaluation_plan(rows, batch_size)
    for place, indices in enumerate(rows):
        flat = plan["indices"][:, place].ravel()
        np.testing.assert_array_equal(flat[: len(indices)], indices)
        assert plan["weights"][:, place].sum() == len(indices)


@pytest.mark.parametrize("scale", [1.0, 0.001])
def test_sample_weights_go_with_their_rows(scale):
    weights = scale * np.arange(1.0, 21.0)
    plan = plan_of(members_of([20]), weights=weights).epoch(0)
    counted = plan["weights"] > 0
    np.testing.assert_array_equal(plan["weights"][counted], weights[plan["indices"][counted]])
    np.testing.assert_array_equal(plan["weight"], plan["weights"].sum(axis=2))


@attrs.frozen
class Fixed(Schedule):
    """A schedule with one factor from a step on."""

    value: float
    start: int = 0

    def factor(self, step, total_steps, steps_per_epoch):
        shape = np.broadcast_shapes(np.shape(step), np.shape(total_steps))
        return np.where(np.broadcast_to(step, shape) >= self.start, self.value, 1.0)


@pytest.mark.parametrize("factor", [-0.5, np.nan, np.inf])
def test_a_factor_that_no_learning_rate_can_have_is_refused_with_its_step(factor):
    plan = plan_of(members_of([16, 40]), schedule=Fixed(factor, start=7))
    plan.epoch(0)
    with pytest.raises(TrainingError, match=rf"the schedule Fixed .*at least 0, got {factor:g} for step 7"):
        plan.epoch(1)
