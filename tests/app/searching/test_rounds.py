"""A search whose strategy learns: its trials come in rounds, which depend on the scores of earlier ones."""

import itertools
import json
import tomllib

import attrs
import pytest

import gmcore
from gmcore.app import open_run, plan_of, resume
from gmcore.builtins.strategies.fixed import FixedStudy
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import Cancelled, ConfigError, TrainingError
from gmcore.ports import SearchStrategy, Study

SPACE = {"training.optimizer.learning_rate": [1e-6, 1e-3, 1e-2, 1e-1], "model.hidden": [[4], [8]]}
PATH = "training.optimizer.learning_rate"


@attrs.define
class Climb(Study):
    """Tries two rates, then twice the neighbours of the best one so far, in turn with each width."""

    space: dict
    sign: float
    asked: list = attrs.field(factory=list)
    told: list = attrs.field(factory=list)

    def ask(self, count):
        assert len(self.told) == len(self.asked)
        rates, widths = self.space[PATH], self.space["model.hidden"]
        if len(self.asked) >= 6:
            return []
        near = [0, 2]
        if self.told:
            values = [self.sign * value if value == value else -float("inf") for _, _, value in self.told]  # noqa: PLR0124
            best = rates.index(self.asked[values.index(max(values))][PATH])
            near = [max(best - 1, 0), min(best + 1, len(rates) - 1)]
        trials = [{PATH: rates[place], "model.hidden": width} for place, width in zip(near, widths, strict=True)]
        self.asked += trials
        return trials

    def tell(self, trial, step, value):
        assert trial == len(self.told)
        self.told.append((trial, step, value))


@attrs.frozen
class Climbing(SearchStrategy):
    def study(self, space, *, seed, higher_is_better):
        return Climb(space, 1.0 if higher_is_better else -1.0)


@pytest.fixture(autouse=True)
def _registered():
    gmcore.float32.search_strategies.register("climbing", Climbing)
    yield
    gmcore.float32.search_strategies.unregister("climbing")


@pytest.fixture
def tables(run_file):
    tables = tomllib.loads(run_file.read_text())
    tables["data"]["path"] = str(run_file.with_name("moons.csv"))
    tables["backend"] = {"use": "metal", "device": "cpu", "fused": False}
    tables["training"] |= {"max_epochs": 3}
    del tables["training"]["early_stopping"]
    tables["search"] = {"metric": "log_loss", "strategy": "climbing", "space": SPACE}
    return tables


def trials_of(done):
    return sorted((trial.index, trial.settings, trial.mean["log_loss"]) for trial in done.trials)


def expected_rates(done):
    """Return the rates of all trials, from the scores and the strategy's rule."""
    scores = {trial.index: (trial.mean["log_loss"], trial.settings[PATH]) for trial in done.trials}
    rates, found = SPACE[PATH], [SPACE[PATH][0], SPACE[PATH][2]]
    for known in (2, 4):
        best = rates.index(min(scores[index] for index in range(known))[1])
        found += [rates[max(best - 1, 0)], rates[min(best + 1, 3)]]
    return found


def test_later_trials_depend_on_what_was_told(tables):
    fits, starts = [], []
    done = gmcore.search(tables, hooks=Hooks(fit_start=(fits.append,), search_start=(starts.append,)))
    by_index = sorted(done.trials, key=lambda trial: trial.index)
    assert [trial.settings[PATH] for trial in by_index] == expected_rates(done)
    assert [index for fit in fits for index in fit.members] == list(range(6 * 3 + 1))
    assert [(start.trials, start.members) for start in starts] == [(2, 6), (4, 12), (6, 18)]
    assert gmcore.cross_validate({**tables, "model": {"use": "mlp", "hidden": done.best.settings["model.hidden"]},
        "training": {**tables["training"], "optimizer": {"use": "adamw", "learning_rate": done.best.settings[PATH]}},
    }).result.mean == done.best.mean  # fmt: skip


@pytest.mark.parametrize(
    "stop_at", [4, 5, pytest.param(8, marks=pytest.mark.slow), pytest.param(19, marks=pytest.mark.slow)]
)
def test_a_search_that_is_stopped_within_or_between_rounds_ends_in_the_same_bytes(tables, tmp_path, stop_at):
    """In the second group, between the first two rounds, in the second round, and while the winner trains."""
    whole = gmcore.search(tables, runs=tmp_path / "whole")
    cancellation, epochs = Cancellation(), itertools.count(1)
    hooks = Hooks(epoch_start=(lambda _: next(epochs) == stop_at and cancellation.cancel(),))
    if stop_at == 5:
        hooks = Hooks(search_start=(lambda start: start.trials == 4 and cancellation.cancel(),))
    with pytest.raises(Cancelled):
        gmcore.search(tables, runs=tmp_path / "stopped", cancellation=cancellation, hooks=hooks)
    (folder,) = (tmp_path / "stopped").iterdir()
    done = resume(folder)
    assert trials_of(done) == trials_of(whole)
    for name in ("model.safetensors", "metrics.jsonl", "trials.json"):
        assert (folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_a_search_that_is_stopped_in_a_later_round_keeps_the_trials_of_earlier_ones(tables, tmp_path):
    cancellation = Cancellation()
    hooks = Hooks(search_start=(lambda start: start.trials == 4 and cancellation.cancel(),))
    with pytest.raises(Cancelled) as caught:
        gmcore.search(tables, runs=tmp_path, cancellation=cancellation, hooks=hooks)
    (folder,) = tmp_path.glob("*search*")
    assert [one["trial"] for one in json.loads((folder / "partial.json").read_text())["trials"]] in ([0, 1], [1, 0])
    assert any(note.startswith("2 of 4 trials had ended, the best with log_loss") for note in caught.value.__notes__)


def test_check_plans_the_first_round(tables):
    plan = plan_of(open_run(tables, command="search"))
    assert (len(plan.candidates), plan.members, len(plan.groups)) == (2, 6, 2)


@attrs.frozen
class Proposing(SearchStrategy):
    """Proposes given trials, one a round."""

    trials: tuple

    def study(self, space, *, seed, higher_is_better):
        trials = iter(self.trials)
        study = FixedStudy(trials)
        return type("OneByOne", (FixedStudy,), {"ask": lambda own, _: FixedStudy.ask(own, 1)})(study.upcoming)


def test_a_later_round_is_checked_before_it_is_trained(tables, tmp_path):
    fits = []
    good = {PATH: 1e-2, "model.hidden": [4]}
    tables["search"]["strategy"] = Proposing((good, {**good, "model.hidden": [0]}))
    with pytest.raises(ConfigError, match=r"search\.space\.model: hidden must be widths of 1 or more"):
        gmcore.search(tables, hooks=Hooks(fit_start=(fits.append,)))
    assert len(fits) == 1


def test_a_strategy_without_trials_is_refused(tables):
    tables["search"]["strategy"] = Proposing(())
    with pytest.raises(ConfigError, match=r"search\.strategy: proposed no trials"):
        gmcore.search(tables)


def test_a_strategy_that_is_not_deterministic_is_an_error_that_says_so(tables):
    widths = itertools.count(2)

    class Fickle(SearchStrategy):
        def study(self, space, *, seed, higher_is_better):
            return FixedStudy(iter([{PATH: 1e-2, "model.hidden": [next(widths)]}]))

    tables["search"]["strategy"] = Fickle()
    with pytest.raises(TrainingError, match="Fickle proposed other trials with the same seed"):
        gmcore.search(tables)


@pytest.mark.parametrize("settings", [{PATH: 1e-2}, {PATH: 1e-2, "model.hidden": [4], "model.dropout": 0.1}])
def test_settings_that_are_not_those_of_the_space_are_refused(tables, settings):
    tables["search"]["strategy"] = Proposing((settings,))
    with pytest.raises(
        ConfigError, match=r"search\.strategy: proposed a trial whose settings are not those of the space"
    ):
        gmcore.search(tables)
