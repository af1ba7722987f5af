"""Where the time of a run went: told to people who ask, and always written."""

import json

import pytest

from gmcore.cli.profile import profile_table

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
        "the rest",
        "total",
    ]


def test_shares_are_of_the_total_and_what_no_phase_has_is_the_rest():
    text = profile_table({"loading_seconds": 1.0, "waiting_seconds": 2.0, "reads": 12, "peak_memory": 3 << 20}, 3.0)
    rows = {line.rsplit(maxsplit=3)[0].strip(): line.split()[-3:-1] for line in text.splitlines() if line.endswith("%")}
    assert rows["opening the data"] == ["1.0000", "25"]
    assert rows["waiting for the device"] == ["2.0000", "50"]
    assert rows["the rest"] == ["1.0000", "25"]
    assert rows["total"] == ["4.0000", "100"]
    assert "12 reads by the loop" in text
    assert "3.0 MB of memory at most" in text
