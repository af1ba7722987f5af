"""Training a fleet: the same numbers however it is cut, and no leaks between members or rows."""

import attrs
import numpy as np
import pytest

from gmcore.domain import BatchEnd, Cancellation, Hooks, Member, MemberFailed
from gmcore.domain.tree import tree_flatten
from gmcore.errors import Cancelled, ConfigError, DataError, TrainingError
from gmcore.nn.optimizers import AdamW
from gmcore.ports import Schedule
from gmcore.testing.fakes import TinyModel
from gmcore.training import GradientDescent

WORKFLOW = GradientDescent()


@pytest.mark.parametrize("size", [pytest.param(4, marks=pytest.mark.slow), 3, 1])
def test_results_do_not_depend_on_the_chunking(configured, size, fleet, same_results):
    members = fleet()
    whole = WORKFLOW.train(configured(members_per_chunk=8), members)
    same_results(WORKFLOW.train(configured(members_per_chunk=size), members), whole)


def test_results_do_not_depend_on_which_other_members_there_are(task, fleet, same_results):
    members = fleet()
    whole = WORKFLOW.train(task, members)
    some = [members[place] for place in (6, 1, 3)]
    same_results(WORKFLOW.train(task, some), [whole[place] for place in (6, 1, 3)])


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(task, fleet, same_results, weights):
    members = fleet(2)
    first, again = WORKFLOW.train(task, members), WORKFLOW.train(task, members)
    same_results(again, first)
    others = WORKFLOW.train(task, [attrs.evolve(member, seed=member.seed + 1) for member in members])
    assert not np.array_equal(weights(others)[0], weights(first)[0])


def test_training_learns(configured):
    member = Member(train=np.arange(150), score=np.arange(150, 203), settings={"learning_rate": 0.1})
    task = attrs.evolve(
        configured(max_epochs=60, early_stopping=None), model=TinyModel(schema=configured().rows.schema, hidden=16)
    )
    (result,) = WORKFLOW.train(task, [member])
    (score,) = WORKFLOW.validate(task, [result.variables], [member.score])
    right = score.predictions.argmax(1) == task.rows.targets[150:]
    assert right.mean() > 0.85
    assert result.history["train_loss"][-1] < result.history["train_loss"][0] / 2


def test_held_out_rows_change_nothing_in_training(task, same_results):
    member = Member(train=np.arange(100), stop=np.arange(100, 120), score=np.arange(120, 203))
    (honest,) = WORKFLOW.train(task, [member])
    spoilt = task.rows.inputs["numeric"].copy()
    spoilt[120:] = 1e6
    targets = task.rows.targets.copy()
    targets[120:] = 1 - targets[120:]
    rows = attrs.evolve(task.rows, inputs={"numeric": spoilt}, targets=targets)
    same_results(WORKFLOW.train(attrs.evolve(task, rows=rows), [member]), [honest])


def test_the_weights_of_the_best_epoch_are_kept(configured):
    member = Member(train=np.arange(60), stop=np.arange(60, 120))
    (best,) = WORKFLOW.train(configured(max_epochs=40), [member])
    assert best.epochs == best.best_epoch + 2
    assert best.best_loss == best.history["stop_loss"].min()
    assert best.best_epoch == 1 + int(best.history["stop_loss"].argmin())
    (scored,) = WORKFLOW.validate(configured(max_epochs=40), [best.variables], [member.stop])
    assert scored.loss == pytest.approx(best.best_loss, rel=1e-6)


def test_without_restoring_the_last_weights_are_kept(configured):
    member = Member(train=np.arange(60), stop=np.arange(60, 120))
    stopping = attrs.evolve(configured().config.early_stopping, restore_best=False)
    task = configured(max_epochs=40, early_stopping=stopping)
    (last,) = WORKFLOW.train(task, [member])
    (scored,) = WORKFLOW.validate(task, [last.variables], [member.stop])
    assert last.best_epoch == last.epochs
    assert scored.loss == pytest.approx(last.history["stop_loss"][-1], rel=1e-6)


def test_losses_are_means_over_samples_by_weight(task):
    doubled = np.ones(203)
    doubled[:50] = 2.0
    variables = WORKFLOW.train(task, [Member(train=np.arange(100))])[0].variables
    twice = np.concatenate([np.arange(100), np.arange(50)])
    (by_rows,) = WORKFLOW.validate(task, [variables], [twice])
    weighted = attrs.evolve(task, rows=attrs.evolve(task.rows, weights=doubled))
    (by_weight,) = WORKFLOW.validate(weighted, [variables], [np.arange(100)])
    assert by_weight.loss == pytest.approx(by_rows.loss, rel=1e-6)
    assert by_rows.n_samples == 150


def test_rows_of_weight_zero_do_not_matter(configured, same_results):
    """One batch per epoch, since rows of weight 0 still take places in batches."""
    task = configured(batch_size=203, shuffle=False, early_stopping=None)
    some = np.arange(203) < 120
    weighted = attrs.evolve(task, rows=attrs.evolve(task.rows, weights=some.astype(float)))
    spoilt = attrs.evolve(weighted.rows, targets=np.where(some, task.rows.targets, 1 - task.rows.targets))
    honest = WORKFLOW.train(weighted, [Member(train=np.arange(203))])
    same_results(WORKFLOW.train(attrs.evolve(weighted, rows=spoilt), [Member(train=np.arange(203))]), honest)


def test_members_have_their_own_settings(task, same_results):
    members = [Member(train=np.arange(100), settings={"learning_rate": rate}) for rate in (0.03, 0.001)]
    fast, slow = WORKFLOW.train(task, members)
    other = attrs.evolve(task, optimizer=AdamW(learning_rate=0.001))
    same_results(WORKFLOW.train(other, [Member(train=np.arange(100))]), [slow])
    assert fast.final_loss < slow.final_loss


def test_an_unknown_setting_of_a_member_is_refused(task):
    with pytest.raises(ConfigError, match=r"unknown setting 'learning_rat', did you mean 'learning_rate'\?"):
        WORKFLOW.train(task, [Member(train=np.arange(9), settings={"learning_rat": 1.0})])


def test_an_empty_fleet_is_refused(task):
    with pytest.raises(DataError, match="a fleet needs at least one member to train, got none"):
        WORKFLOW.train(task, [])


def test_a_member_without_rows_is_refused(task):
    with pytest.raises(DataError, match="member 4 has no rows to train on"):
        WORKFLOW.train(task, [Member(index=4, train=np.arange(0))])


def test_a_member_whose_loss_is_not_finite_stops_alone_and_names_the_step(task, same_results):
    told: list[MemberFailed] = []
    task = attrs.evolve(task, hooks=Hooks(member_failed=(told.append,)))
    healthy = Member(train=np.arange(100))
    wild = Member(index=5, train=np.arange(100), settings={"learning_rate": 1e30})
    results = WORKFLOW.train(task, [healthy, wild])
    same_results(results[:1], WORKFLOW.train(task, [healthy]))
    failure = results[1].failure
    assert (failure.epoch, failure.step) == (1, 2)
    assert 0 < failure.largest_gradient < 1e25
    assert failure.largest_weight > 1e25
    assert failure.parameter in tree_flatten(results[1].variables.params)
    assert failure.learning_rate == pytest.approx(1e30, rel=0.1)
    assert [(moment.member, moment.place, moment.failure) for moment in told] == [(5, 1, failure)]
    assert all(np.isfinite(leaf).all() for leaf in tree_flatten(results[1].variables.params).values())


def test_a_member_that_fails_later_keeps_its_best_weights(task, same_results):
    long, short = Member(train=np.arange(100), stop=np.arange(100, 150)), Member(index=1, train=np.arange(9))
    failed, sound = WORKFLOW.train(attrs.evolve(task, schedule=Exploding(step=17)), [long, short])
    # 7 steps per epoch; the step of index 17 spoils the weights, which the next step finds.
    assert (failed.failure.epoch, failed.failure.step) == (3, 5)
    assert failed.epochs == 3
    assert failed.best_epoch == 2
    assert sound.failure is None
    two = attrs.evolve(task, schedule=Exploding(step=17), config=attrs.evolve(task.config, max_epochs=2))
    (shorter,) = WORKFLOW.train(two, [long])
    last = {"epochs": 2, "failure": None, "final_loss": shorter.final_loss}
    first_two = {name: values[:2] for name, values in failed.history.items()}
    same_results([attrs.evolve(failed, **last, history=first_two)], [shorter])
    assert not np.isfinite(failed.final_loss)


def test_the_step_of_a_failure_counts_the_members_own_steps(configured):
    task = configured(max_epochs=4, early_stopping=None)
    # 7 and 3 steps per epoch; the fifth step of the second one spoils its weights.
    members = [Member(train=np.arange(100)), Member(index=1, train=np.arange(40))]
    sound, failed = WORKFLOW.train(attrs.evolve(task, schedule=Exploding(step=4, most=4 * 3)), members)
    assert sound.failure is None
    assert (failed.failure.epoch, failed.failure.step) == (2, 3)
    assert failed.failure.learning_rate == pytest.approx(0.03 * 1e30)


def test_training_fails_if_all_members_fail(task):
    wild = Member(index=5, train=np.arange(100), settings={"learning_rate": 1e30})
    with pytest.raises(TrainingError, match=r"the loss was .* at step 2 of epoch 1, with largest gradient"):
        WORKFLOW.train(task, [wild])


@attrs.frozen(kw_only=True)
class Exploding(Schedule):
    """A learning rate that is 1e30 times itself from one step on, for members with so many steps at most."""

    step: int
    most: float = np.inf

    def factor(self, step, total_steps, steps_per_epoch):
        return np.where((step >= self.step) & (total_steps <= self.most), 1e30, 1.0)


@pytest.mark.parametrize("shuffle", [True, "blocks"])
def test_rows_that_stay_on_the_host_give_the_numbers_of_rows_on_the_device(configured, fleet, same_results, shuffle):
    resident = configured(shuffle=shuffle)
    streamed = configured(shuffle=shuffle, row_memory=100)
    same_results(WORKFLOW.train(streamed, fleet()), WORKFLOW.train(resident, fleet()))
    variables = [one.variables for one in WORKFLOW.train(resident, fleet())]
    rows = [np.arange(203)[::-1]] * len(variables)
    for ours, theirs in zip(
        WORKFLOW.validate(streamed, variables, rows), WORKFLOW.validate(resident, variables, rows), strict=True
    ):
        assert ours.loss == theirs.loss
        np.testing.assert_array_equal(ours.predictions, theirs.predictions)


def test_the_host_reads_once_an_epoch(configured, fleet):
    results = WORKFLOW.train(configured(max_epochs=5), fleet(3))
    # One more read, for the weights at the end.
    assert WORKFLOW.metrics["reads"] == max(one.epochs for one in results) + 1


def test_a_cancelled_training_stops_at_the_next_step(task, fleet):
    cancellation = Cancellation()
    seen: list[BatchEnd] = []

    def stop(moment: BatchEnd) -> None:
        seen.append(moment)
        cancellation.cancel(15)

    told = attrs.evolve(task, cancellation=cancellation, hooks=Hooks(batch_end=(stop,)))
    with pytest.raises(Cancelled) as caught:
        WORKFLOW.train(told, fleet(2))
    assert caught.value.signal == 15
    assert len(seen) == 1


def test_hooks_are_called_once_per_epoch_in_order(task, fleet):
    epochs, fits = [], []
    hooks = Hooks(epoch_end=(epochs.append,), fit_end=(fits.append,))
    results = WORKFLOW.train(attrs.evolve(task, hooks=hooks), fleet(3))
    assert [moment.epoch for moment in epochs] == list(range(1, max(one.epochs for one in results) + 1))
    assert [moment.members for moment in fits] == [(0, 1, 2)]
    last = [epochs[one.epochs - 1].train_loss[one.member] for one in results]
    np.testing.assert_array_equal(last, [one.final_loss for one in results])


def test_one_program_serves_every_epoch_and_chunk(configured, fleet):
    task = configured(members_per_chunk=4, max_epochs=1)
    WORKFLOW.train(task, fleet())
    WORKFLOW.train(attrs.evolve(task, config=attrs.evolve(task.config, max_epochs=5)), fleet())
    assert WORKFLOW.metrics["compilations"] == 0


def test_the_report_tells_the_time_of_compiling_from_that_of_calls(configured):
    task = configured(max_epochs=2)
    task = attrs.evolve(task, model=TinyModel(schema=task.rows.schema, hidden=11))
    first, again = (WORKFLOW.train(task, [Member(train=np.arange(100))]) and WORKFLOW.metrics for _ in range(2))
    assert first["compiling_seconds"] > 0
    assert again["compiling_seconds"] == 0 < again["enqueuing_seconds"]
    assert (first["steps"], again["steps"]) == (14, 14)
    WORKFLOW.close()
    assert WORKFLOW.metrics == {}
