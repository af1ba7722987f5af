import json

import pytest

SEARCH = """
[search]
metric = "log_loss"

[search.space]
"training.optimizer.learning_rate" = [0.0001, 0.05]
"model.dropout" = [0.0, 0.2]
"""


@pytest.fixture
def searching(folder):
    """Change to a folder whose run file has a search."""
    text = (folder / "run.toml").read_text().replace('["accuracy"]', '["accuracy", "log_loss"]')
    (folder / "run.toml").write_text(text + SEARCH)
    return folder


def test_json_has_every_trial_and_the_winner(searching, report):
    told = report("search", "run.toml")
    assert set(told) == {"run", "metric", "better", "trials", "best", "winner", "seconds", "profile"}
    assert (told["metric"], told["better"]) == ("log_loss", "lower")
    assert [trial["rank"] for trial in told["trials"]] == [1, 2, 3, 4]
    losses = [trial["mean"]["log_loss"] for trial in told["trials"]]
    assert losses == sorted(losses)
    assert told["best"] == told["trials"][0]["settings"]
    assert set(told["winner"]) == {"model", "epochs", "best_epoch", "train"}
    assert json.loads((searching / told["run"] / "trials.json").read_text())["trials"] == told["trials"]


def test_the_best_settings_are_a_run_file(searching, report):
    told = report("search", "run.toml")
    again = report("validate", f"{told['run']}/best.toml")
    assert again["mean"] == told["trials"][0]["mean"]


def test_people_see_a_line_a_trial_and_where_the_model_is(searching, call):
    done = call("search", "run.toml")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "4 trials, 12 models, 2 programs; the best has the lowest log_loss" in done.stderr
    lines = done.stderr.splitlines()
    (head,) = [place for place, line in enumerate(lines) if line.startswith("rank  learning_rate  dropout  log_loss")]
    assert [line.split()[0] for line in lines[head + 1 : head + 5]] == ["1", "2", "3", "4"]
    assert lines[head + 1].split()[1] == "0.05"
    assert "model.safetensors" in done.stderr
    assert "best.toml" in done.stderr


def test_a_trial_that_fails_is_told_along_the_way(searching, call):
    path = searching / "run.toml"
    path.write_text(path.read_text().replace("[0.0001, 0.05]", "[1e30, 0.05]").replace('"adamw"', '"sgd"'))
    done = call("search", path, "--json")
    assert done.exit_code == 0
    failed = [trial for trial in json.loads(done.stdout)["trials"] if trial["failed"]]
    told = [line for line in done.stderr.splitlines() if line.startswith("trial ")]
    assert len(failed) == 2
    assert sorted(told) == sorted(f"trial {trial['trial']} failed: {trial['failure']}" for trial in failed)


def test_check_says_what_would_be_searched(searching, report, call):
    told = report("check", "run.toml")["search"]
    fleets = told.pop("fleets")
    assert told == {"trials": 4, "models": 12, "programs": 2, "metric": "log_loss", "better": "lower"}
    # Without dropout there is no such layer, so there is another program.
    assert [one["trials"] for one in fleets] == [[0, 2], [1, 3]]
    assert [one["members"] for one in fleets] == [6, 6]
    assert [one["settings"] for one in fleets] == [{"model.dropout": 0.0}, {"model.dropout": 0.2}]
    assert "search: 4 trials" in call("check", "run.toml").stderr
    assert sorted(path.name for path in searching.iterdir()) == ["flowers.csv", "run.toml"]


def test_check_says_how_each_fleet_is_cut_and_what_it_takes(searching, report, call):
    path = searching / "run.toml"
    text = path.read_text().replace("[0.0, 0.2]", '[0.2, 0.3]\n"model.hidden" = [[8], [800]]')
    text = text.replace("hidden = [8]\n", "hidden = [8]\ndropout = 0.1\n", 1)
    path.write_text(text.replace("batch_size = 16", "batch_size = 16\nmembers_per_chunk = 4"))
    told = report("check", path)
    small, large = (one["memory"] for one in told["search"]["fleets"])
    assert small["members_per_chunk"] == large["members_per_chunk"] == 4
    assert small["member"] == pytest.approx(told["memory"]["member"], rel=0.2)  # there, of three folds
    assert large["member"] > 10 * small["member"]
    assert large["estimated"] == large["rows"] + 4 * large["member"]
    lines = call("check", path).stderr.splitlines()
    (head,) = [place for place, line in enumerate(lines) if line.startswith("program  trials  models  at once")]
    assert [line.split()[:4] for line in lines[head + 1 :]] == [["0", "4", "12", "4"], ["1", "4", "12", "4"]]
    assert lines[head + 2].endswith("model.hidden = [800]")


def test_only_the_first_of_many_programs_are_shown_to_people(searching, report, call):
    path = searching / "run.toml"
    path.write_text(path.read_text().replace("[0.0, 0.2]", f'[0.2]\n"model.hidden" = {[[n] for n in range(1, 24)]}'))
    assert len(report("check", path)["search"]["fleets"]) == 23
    assert call("check", path).stderr.splitlines()[-1] == "and 3 more"


@pytest.mark.parametrize("command", ["check", "search"])
def test_a_trial_that_does_not_fit_into_the_memory_is_refused_before_any_is_trained(searching, call, command):
    path = searching / "run.toml"
    path.write_text(path.read_text().replace("[0.0, 0.2]", '[0.2]\n"training.batch_size" = [16, 1000000000000]'))
    done = call(command, path)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "search.space: trial 1 (training.batch_size = 1000000000000): one model is estimated to take" in done.stderr
    assert "set a smaller training.batch_size or a smaller model" in done.stderr
    assert "trial 0" not in done.stderr
    assert sorted(path.name for path in searching.iterdir()) == ["flowers.csv", "run.toml"]


@pytest.mark.parametrize("command", ["check", "search"])
def test_a_space_that_names_what_is_not_there_is_refused(searching, call, command):
    text = (searching / "run.toml").read_text().replace("model.dropout", "model.droput")
    (searching / "run.toml").write_text(text)
    done = call(command, "run.toml")
    assert done.exit_code == 2
    assert "search.space.model.droput: unknown key, did you mean 'dropout'?" in done.stderr
    assert not (searching / "runs").exists()


def test_a_run_file_without_a_search_is_refused(folder, call):
    done = call("search", "run.toml")
    assert done.exit_code == 2
    assert "search: is required: list the values to try in [search.space]" in done.stderr
