"""What the comparison with torch does not see: ends, edges, and options that are refused."""

import numpy as np
import pytest

import gmcore
from gmcore.errors import ConfigError
from gmcore.nn.schedules import (
    CosineRestarts,
    CosLog,
    Cyclic,
    Exponential,
    FlatCos,
    InverseSqrt,
    Linear,
    MultiStep,
    OneCycle,
    Polynomial,
    Step,
    WarmUp,
)


def factors(schedule, steps, total=40, per_epoch=10):
    return schedule.factor(np.asarray(steps), np.array(total), np.array(per_epoch))


def test_the_coslog_of_realmlp_ends_its_waves_at_powers_of_two():
    total = 15 * 64
    troughs = [total * (2**wave - 1) // 15 for wave in range(5)]
    assert factors(CosLog(), troughs, total) == pytest.approx(np.zeros(5), abs=1e-15)
    assert factors(CosLog(), range(total), total).max() == pytest.approx(1.0, abs=1e-4)


def test_the_flat_cos_of_realmlp_is_flat_for_the_first_half():
    found = factors(FlatCos(), range(41))
    assert (found[:21] == 1).all()
    assert found[30] == pytest.approx(0.5)
    assert (np.diff(found[20:]) < 0).all()


@pytest.mark.parametrize(
    "schedule", [Linear(steps=5, final_fraction=0.1), Polynomial(epochs=0.5, final_fraction=0.1)], ids=repr
)
def test_a_schedule_with_a_length_stays_at_its_end(schedule):
    found = factors(schedule, range(40))
    assert found[0] == 1
    assert (found[:5] > 0.1).all()
    assert found[5:] == pytest.approx(np.full(35, 0.1), rel=1e-14)


def test_each_cycle_starts_at_one_whatever_the_rounding_of_logarithms():
    for growth in range(2, 12):
        starts = [7 * (growth**cycle - 1) // (growth - 1) for cycle in range(8)]
        restarts = CosineRestarts(steps=7, growth=growth)
        assert (factors(restarts, starts, 10**12) == 1).all()
        before_a_start = factors(restarts, [start - 1 for start in starts[1:]], 10**12)
        assert (before_a_start < 0.1).all()


def test_one_cycle_is_one_at_the_top_and_ends_at_the_last_step():
    found = factors(OneCycle(rise=0.25), range(45))
    assert found[0] == pytest.approx(0.04)
    assert found.argmax() == 9
    assert found[9] == 1
    assert found[39:] == pytest.approx(np.full(6, 4e-6))


def test_an_exponential_rule_in_epochs_falls_at_each_step_and_per_epoch_in_stairs():
    smooth = factors(Exponential(epochs=1, reduction=0.5), range(40))
    stairs = factors(Exponential(epochs=1, reduction=0.5, per="epoch"), range(40))
    assert smooth[::10] == pytest.approx([1, 0.5, 0.25, 0.125])
    assert (np.diff(smooth) < 0).all()
    assert np.array_equal(stairs, np.repeat([1, 0.5, 0.25, 0.125], 10))
    assert np.array_equal(stairs, factors(Step(epochs=1, reduction=0.5), range(40)))


def test_a_warm_up_and_an_inverse_square_root_are_the_schedule_of_the_transformer():
    steps, width, warm_up = np.arange(1, 41), 512, 10
    rates = width**-0.5 * np.minimum(steps**-0.5, steps * warm_up**-1.5)
    schedule = WarmUp(InverseSqrt(steps=warm_up), steps=warm_up - 1)
    np.testing.assert_allclose(factors(schedule, range(40)), rates / rates.max(), rtol=1e-14)


def test_milestones_after_the_end_of_training_are_refused():
    MultiStep(epochs=(1, 3)).check(40, 10)
    MultiStep(fractions=(0.2, 0.9)).check(4, 2)
    with pytest.raises(ConfigError, match=r"MultiStep: the milestones epochs = \[1, 4\] must be within training"):
        MultiStep(epochs=(1, 4)).check(40, 10)


NEEDS = "needs a length: give steps, epochs or fraction"
REFUSED = [
    *((name, {}, NEEDS) for name in ("step", "exponential", "cosine_restarts", "cyclic", "inverse_sqrt")),
    *(("step", {form: 0}, f"{form} must be above 0, got 0") for form in ("steps", "epochs", "fraction")),
    ("step", {"steps": -3}, "steps"),
    ("step", {"epochs": float("nan")}, "epochs"),
    ("step", {"epochs": 1, "reduction": 0.0}, "reduction"),
    ("step", {"epochs": 1, "reduction": 1.1}, "reduction"),
    ("cosine", {"steps": 0}, "steps must be above 0, got 0"),
    ("cosine", {"steps": 3, "epochs": 2}, "give one of steps, epochs and fraction, got steps = 3 and epochs = 2"),
    ("cosine", {"steps": 3, "per": "epoch"}, 'give epochs instead of steps with per = "epoch"'),
    ("cosine", {"per": "batch"}, "per"),
    ("exponential", {"epochs": 1, "reduction": -0.5}, "reduction"),
    ("linear", {"initial_fraction": 0.0}, "one of initial_fraction and final_fraction must be above 0"),
    ("linear", {"fraction": 1.5}, "fraction"),
    ("polynomial", {"power": 0.0}, "power"),
    ("multi_step", {}, "MultiStep needs milestones: give steps, epochs or fractions"),
    ("multi_step", {"epochs": [3, 2]}, "epochs: must be a list of rising numbers above 0, got"),
    ("multi_step", {"steps": [0, 2]}, "steps: must be a list of rising numbers above 0, got"),
    ("multi_step", {"fractions": [0.5, 1.0]}, "fractions: must be a list of rising numbers above 0 and below 1, got"),
    ("multi_step", {"steps": [1], "epochs": [2]}, "give one of steps, epochs and fractions, got steps and epochs"),
    ("one_cycle", {"rise": 0.0}, "rise"),
    ("one_cycle", {"rise": 1.0}, "rise"),
    ("one_cycle", {"rise": 0.5, "three_phases": True}, "rise must be below 1/2 with three_phases"),
    ("one_cycle", {"anneal": "cos"}, "anneal"),
    ("cyclic", {"steps": 5, "rise": 1.0}, "rise"),
    ("cyclic", {"steps": 5, "reduction": 0.9}, 'reduction is for mode = "exp_range", got 0.9'),
    ("cosine_restarts", {"steps": 5, "growth": 0}, "growth"),
    ("inverse_sqrt", {"steps": 0}, "steps must be above 0"),
    ("coslog", {"cycles": 0}, "cycles"),
    ("flat_cos", {"flat_fraction": 1.0}, "flat_fraction"),
    ("chained", {"schedules": []}, "schedules: must be a list of schedules, at least one"),
]


@pytest.mark.parametrize(("name", "options", "message"), REFUSED, ids=str)
def test_options_out_of_their_domain_are_refused(name, options, message):
    with pytest.raises(ConfigError) as caught:
        gmcore.float64.schedules.create(name, **options)
    (problem,) = caught.value.problems
    assert message in problem


@pytest.mark.parametrize("schedule", [Cyclic(steps=5, lowest_fraction=0.0), InverseSqrt(steps=1)], ids=repr)
def test_schedules_without_an_end_go_on_after_training(schedule):
    assert np.isfinite(factors(schedule, [10**9])).all()
