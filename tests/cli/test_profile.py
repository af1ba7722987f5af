"""The profile of a run: always in the JSON result, printed with `--profile`."""

import json

import pytest

import gmcore
from gmcore.cli.profile import profile_table
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import Cancelled

PHASES = {"loading", "compiling", "enqueuing", "waiting", "feeding", "saving", "scoring"}


@pytest.mark.parametrize("command", ["train", "validate"])
def test_the_result_has_the_profile(folder, report, command):
    told = report(command, "run.toml")
    profile = told["profile"]
    spent = {name: profile[f"{name}_seconds"] for name in PHASES}
    assert all(seconds >= 0 for seconds in spent.values())
    assert spent["loading"] > 0
    assert spent["scoring"] > 0
    # The phases are parts of the whole: none is counted twice.
    assert sum(spent.values()) <= told["seconds"] + spent["loading"]
    assert 0 < profile["reads"] <= 4 + 2  # one an epoch, the last checkpoint and the weights
    assert profile["peak_memory"] >= profile["active_memory"] > 0
    assert json.loads((folder / told["run"] / "result.json").read_text())["profile"] == profile


def test_a_search_has_one_of_all_its_fleets(folder, report):
    alone = report("validate", "run.toml")["profile"]
    path = folder / "run.toml"
    path.write_text(path.read_text() + "[search.space]\n'model.hidden' = [[4], [6]]\n")
    told = report("search", path)["profile"]
    # Two fleets like the one, and the winner.
    assert told["steps"] > 2 * alone["steps"]
    assert told["scoring_seconds"] > 0


def test_people_see_it_where_they_ask(folder, call):
    assert "waiting for the device" not in call("train", "run.toml").stderr
    lines = call("train", "run.toml", "--profile").stderr.splitlines()
    phases = lines[lines.index("phase                   seconds") + 1 :]
    assert [line.split("  ")[0] for line in phases[:9]] == [
        "opening the data",
        "compiling",
        "enqueuing steps",
        "waiting for the device",
        "waiting for rows",
        "checkpoints",
        "scoring",
        "other",
        "total",
    ]


def test_a_cross_validation_shows_it_only_if_asked(folder, call):
    assert "waiting for the device" not in call("validate", "run.toml").stderr
    assert "waiting for the device" in call("validate", "run.toml", "--profile").stderr


def stopped(folder, command):
    """Start a run, stop it after one epoch, and return its folder."""
    cancellation = Cancellation()
    hooks = Hooks(epoch_end=(lambda _: cancellation.cancel(),))
    with pytest.raises(Cancelled):
        getattr(gmcore, command)(folder / "run.toml", runs=folder / "runs", hooks=hooks, cancellation=cancellation)
    (run,) = (folder / "runs").iterdir()
    return run


@pytest.mark.parametrize("command", ["train", "cross_validate", "search"])
def test_what_is_gone_on_with_tells_it_too(folder, call, command):
    path = folder / "run.toml"
    path.write_text(path.read_text().replace("max_epochs = 4", "max_epochs = 40") + "[search.space]\nseed = [1, 2]\n")
    done = call("resume", stopped(folder, command), "--profile")
    assert done.exit_code == 0, done.stderr
    assert shares(done.stderr)["total"] == 100
    assert "waiting for the device" in shares(done.stderr)


def shares(text):
    """Return the percentage of each phase in a profile table."""
    lines = [line.split() for line in text.splitlines() if line.endswith("%")]
    return {" ".join(words[:-3]): int(words[-2]) for words in lines}


@pytest.mark.parametrize("command", ["train", "validate"])
def test_a_replay_tells_it_and_has_it_in_json(folder, report, call, command):
    run = report(command, "run.toml")["run"]
    told = report("replay", run)
    assert set(told["profile"]) == set(json.loads((folder / run / "result.json").read_text())["profile"])
    assert told["profile"]["steps"] > 0
    done = call("replay", run, "--profile")
    assert shares(done.stderr)["total"] == 100
    assert sum(shares(done.stderr).values()) == pytest.approx(200, abs=5)  # each rounded
    assert "waiting for the device" not in call("replay", run).stderr


def test_a_replay_that_trains_nothing_has_none(folder, report, call):
    run = report("train", "run.toml")["run"]
    (folder / "flowers.csv").write_text((folder / "flowers.csv").read_text().replace("rose", "tulip", 1))
    done = call("replay", run, "--profile", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["profile"] == {}
    assert "nothing was trained, so there is no profile" in done.stderr


def test_shares_are_of_the_total_and_what_no_phase_has_is_the_rest():
    text = profile_table({"loading_seconds": 1.0, "waiting_seconds": 2.0, "reads": 12, "peak_memory": 3_000_000}, 3.0)
    rows = {line.rsplit(maxsplit=3)[0].strip(): line.split()[-3:-1] for line in text.splitlines() if line.endswith("%")}
    assert rows["opening the data"] == ["1.0000", "25"]
    assert rows["waiting for the device"] == ["2.0000", "50"]
    assert rows["other"] == ["1.0000", "25"]
    assert rows["total"] == ["4.0000", "100"]
    assert "12 reads from the device in training" in text
    assert "memory: 3.0 MB at most" in text
