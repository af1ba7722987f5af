import numpy as np
import pytest

import gmcore
from gmcore.errors import ConfigError
from gmcore.nn.schedules import Chained, Constant, Cosine, Exponential, Linear, Plateau, Step, WarmUp
from gmcore.training.fleet.stopping.early_stopping import feedback_of

STEP, TOTAL, PER_EPOCH = np.arange(24)[:, None], np.array([12, 24]), np.array([3, 6])


def test_without_milestones_all_schedules_are_multiplied():
    one, other = Cosine(), Step(epochs=1, reduction=0.5)
    expected = one.factor(STEP, TOTAL, PER_EPOCH) * other.factor(STEP, TOTAL, PER_EPOCH)
    assert np.array_equal(Chained(schedules=(one, other)).factor(STEP, TOTAL, PER_EPOCH), expected)


def test_with_milestones_each_schedule_has_the_steps_up_to_the_next_one_of_each_member():
    rise, fall = Linear(initial_fraction=0.1, final_fraction=1.0), Cosine()
    found = Chained(schedules=(rise, Constant(), fall), epochs=(1, 3)).factor(STEP, TOTAL, PER_EPOCH)
    for member, (total, epoch) in enumerate(zip(TOTAL, PER_EPOCH, strict=True)):
        lengths = ((rise, epoch), (Constant(), 2 * epoch), (fall, epoch))
        parts = [one.factor(np.arange(length), length, epoch) for one, length in lengths]
        assert np.array_equal(found[:total, member], np.concatenate(parts))


def test_steps_and_fractions_are_milestones_too():
    parts = (Constant(), Exponential(steps=1, reduction=0.5))
    by_epochs = Chained(schedules=parts, epochs=(2,)).factor(STEP[:, 0], TOTAL[0], PER_EPOCH[0])
    for given in ({"steps": (6,)}, {"fractions": (0.5,)}):
        assert np.array_equal(Chained(schedules=parts, **given).factor(STEP[:, 0], TOTAL[0], PER_EPOCH[0]), by_epochs)


def test_a_run_file_nests_schedules_by_name():
    tables = [{"use": "linear", "initial_fraction": 0.1, "final_fraction": 1.0}, "cosine"]
    made = gmcore.float64.schedules.create("chained", schedules=tables, epochs=[5])
    assert made == Chained(schedules=(Linear(initial_fraction=0.1, final_fraction=1.0), Cosine()), epochs=(5.0,))


def test_the_schedule_that_reacts_to_the_loss_is_the_chains():
    plateau = Plateau(patience=3)
    assert feedback_of(Chained(schedules=(Cosine(), WarmUp(plateau, steps=2)))) is plateau
    assert feedback_of(Chained(schedules=(Cosine(), WarmUp(Cosine(), steps=2)))) is None


def test_milestones_and_rises_that_do_not_fit_are_refused():
    chain = Chained(schedules=(Constant(), WarmUp(steps=5)), steps=(4,))
    chain.check(10, 5)
    with pytest.raises(ConfigError, match="WarmUp: a rise of 5 steps must be shorter than training, which has 5 steps"):
        chain.check(9, 3)
    with pytest.raises(ConfigError, match=r"Chained: the milestones steps = \[4\] must be within training, which"):
        chain.check(4, 2)
    with pytest.raises(ConfigError, match="WarmUp: a rise of 5 steps"):
        Chained(schedules=(WarmUp(steps=5), Cosine())).check(5, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedules": ("cosine",)}, "schedules must be a schedule object, got 'cosine'"),
        ({"schedules": (Cosine(), Cosine()), "epochs": (1, 2)}, "epochs must be one fewer than schedules: 1 milest"),
        (
            {"schedules": (Cosine(), Constant()), "steps": (1,), "epochs": (2,)},
            "give one of steps, epochs and fraction",
        ),
        ({"schedules": (Plateau(), Plateau())}, "a schedule that reacts to the loss .* got 2 of them$"),
        ({"schedules": (Cosine(), Plateau()), "epochs": (1,)}, "reacts to the loss .* got 1 of them and milestones"),
    ],
    ids=str,
)
def test_chains_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Chained(**options)
