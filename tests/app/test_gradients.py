"""`[training] gradients`, `drop_last` and `lbfgs` in a run file: recorded, checked and searched."""

import tomllib

import pytest

import gmcore
from gmcore.app import open_run, plan_of
from gmcore.errors import ConfigError

ACCUMULATION = {"use": "accumulation", "parts": 3}


def test_a_run_folder_records_both(run_file, edited, tmp_path):
    edited("batch_size = 16", 'batch_size = 16\ndrop_last = true\ngradients = { use = "accumulation", parts = 3 }')
    folder = gmcore.train(run_file, runs=tmp_path / "runs").folder
    recorded = tomllib.loads((folder / "config.toml").read_text())["training"]
    assert recorded["drop_last"] is True
    assert recorded["gradients"] == {**ACCUMULATION, "then": {"use": "backpropagation"}}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ("drop_last = 1", "training.drop_last: "),
        ('optimizer = "lbfgs"\nprecision = "float16"', "training.optimizer: LBFGS evaluates losses itself"),
        ('gradients = "acumulation"', "training.gradients.use: no gradient strategy named 'acumulation'"),
        ('gradients = "accumulation"', "training.gradients.parts: is required"),
        (
            'gradients = { use = "accumulation", parts = 0 }',
            "training.gradients.parts: must be a whole number of at least 1",
        ),
        (
            'gradients = { use = "accumulation", parts = 2, then = "adam" }',
            "training.gradients.then.use: no gradient strategy named 'adam'",
        ),
    ],
)
def test_wrong_values_are_refused(edited, changes, problem):
    """In place of the run file's optimizer."""
    with pytest.raises(ConfigError) as caught:
        open_run(edited('optimizer = { use = "adamw", learning_rate = 1e-2 }', changes))
    assert [one for one in caught.value.problems if problem in one]


def test_strategies_can_be_searched_each_with_its_own_program(run_file):
    space = {"training.gradients": ["backpropagation", ACCUMULATION], "training.drop_last": [True, False]}
    plan = plan_of(open_run(run_file, settings={"search": {"space": space}}))
    found = [(type(one.run.trainee.gradients).__name__, one.run.config.training.drop_last) for one in plan.candidates]
    names = ("Backpropagation", "Accumulation")
    assert found == [(name, dropped) for name in names for dropped in (True, False)]
    assert len(plan.groups) == 4


def test_an_option_of_a_strategy_without_options_is_refused(run_file):
    with pytest.raises(ConfigError, match=r"training\.gradients\.parts: unknown key"):
        plan_of(open_run(run_file, settings={"search": {"space": {"training.gradients.parts": [1, 2]}}}))


def test_a_strategy_for_recurrent_layers_is_refused_without_any(edited):
    changes = 'gradients = { use = "accumulation", parts = 2, then = "one_step_approximation" }'
    with pytest.raises(
        ConfigError, match="one_step_approximation cuts the gradients of recurrent layers, and the model MLP"
    ):
        open_run(edited('optimizer = { use = "adamw", learning_rate = 1e-2 }', changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ('schedule = { use = "warm_up", epochs = 9999 }', r"training\.schedule: WarmUp: a rise of"),
        ('average = { kind = "swa", start_epoch = 9999 }', r"training: average must begin in one of the 4 epochs"),
        ('average = { kind = "emma" }', r"training\.average\.kind: must be 'ema' or 'swa', got 'emma'"),
        (
            'optimizer = { use = "grouped", groups = [{ pattern = "*", frozen = true }] }',
            r"training\.optimizer\.groups: all parameters are frozen, so nothing is trained",
        ),
    ],
    ids=["too long", "too late", "unknown kind", "all frozen"],
)
def test_what_can_not_be_trained_is_found_when_a_run_is_opened(edited, changes, message):
    with pytest.raises(ConfigError, match=message):
        open_run(edited('optimizer = { use = "adamw", learning_rate = 1e-2 }', changes))
