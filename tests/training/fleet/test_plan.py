"""The training plan: every row once per epoch, whatever the chunk."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmcore.domain import Member
from gmcore.errors import TrainingError
from gmcore.nn.optimizers import Adam
from gmcore.nn.schedules import Constant
from gmcore.ports import Schedule
from gmcore.training.fleet.plan import TrainingPlan, evaluation_plan


def plan_of(members, **changes):
    settings = {"batch_size": 8, "shuffle": True, "max_epochs": 3, "schedule": Constant()}
    optimizer = Adam()
    numbers = {name: np.full(len(members), value) for name, value in optimizer.settings.items()}
    return TrainingPlan(members=members, settings=numbers, **{**settings, "optimizer": optimizer, **changes})


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


def test_steps_count_on_over_epochs():
    plan = plan_of(members_of([20, 8]), optimizer=Adam(beta1=0.5, learning_rate=1.0))
    size = plan.epoch(1)["coefficients"]["size"]
    np.testing.assert_allclose(size, 1e-3 / (1 - 0.5 ** np.array([[4, 2], [5, 3], [6, 4]])), rtol=1e-14)


def test_without_shuffling_rows_come_in_order():
    plan = plan_of(members_of([10]), shuffle=False).epoch(2)
    np.testing.assert_array_equal(plan["indices"].ravel()[:10], np.arange(10))


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4), batch_size=st.integers(1, 16))
def test_rows_are_evaluated_in_order_and_padding_weighs_nothing(sizes, batch_size):
    rows = [np.arange(size)[::-1] for size in sizes]
    plan = evaluation_plan(rows, batch_size)
    for place, indices in enumerate(rows):
        flat = plan["indices"][:, place].ravel()
        np.testing.assert_array_equal(flat[: len(indices)], indices)
        assert plan["weights"][:, place].sum() == len(indices)


def test_sample_weights_go_with_their_rows():
    weights = np.arange(1.0, 21.0)
    plan = plan_of(members_of([20]), weights=weights).epoch(0)
    counted = plan["weights"] > 0
    np.testing.assert_array_equal(plan["weights"][counted], weights[plan["indices"][counted]])


@attrs.frozen
class Fixed(Schedule):
    """A schedule with one factor from a step on."""

    value: float
    start: int = 0

    def factor(self, step, total_steps):
        shape = np.broadcast_shapes(np.shape(step), np.shape(total_steps))
        return np.where(np.broadcast_to(step, shape) >= self.start, self.value, 1.0)


@pytest.mark.parametrize("factor", [-0.5, np.nan, np.inf])
def test_a_factor_that_no_learning_rate_can_have_is_refused_with_its_step(factor):
    plan = plan_of(members_of([16, 40]), schedule=Fixed(factor, start=7))
    plan.epoch(0)
    with pytest.raises(TrainingError, match=rf"the schedule Fixed .*at least 0, got {factor:g} for step 7"):
        plan.epoch(1)
