"""Commands that take a run: its path, the name of its folder, the name of the run, or the newest one."""

import json
import os
import shutil

import pytest


@pytest.fixture
def runs(folder, report):
    """Return a folder with two finished trainings of one name, a stopped one, and a search without a model."""
    first = folder / report("train", "run.toml")["run"]
    name = first.name.partition("-train-")[0]
    made = {
        "older": first.rename(folder / "runs" / f"{name}-train-20240101-000000"),
        "newer": folder / "runs" / f"{name}-train-20240102-000000",
        "stopped": folder / "runs" / f"{name}-train-20240102-000000-1",
        "searched": folder / "runs" / f"{name}-search-20240103-000000",
        "other": folder / "runs" / "other-train-20240101-120000",
    }
    for path in list(made.values())[1:]:
        shutil.copytree(made["older"], path)
    for key in ("stopped", "searched"):
        (made[key] / "model.safetensors").unlink()
    (made["stopped"] / "status.json").write_text(json.dumps({"status": "cancelled"}))
    facts = json.loads((made["searched"] / "provenance.json").read_text())
    (made["searched"] / "provenance.json").write_text(json.dumps(facts | {"command": "search"}))
    os.utime(made["older"])  # the time of change of a folder says nothing
    return made | {"name": name}


def shown(done):
    assert done.exit_code == 0, done.stderr
    return next(line for line in done.stderr.splitlines() if line.startswith("run: ")).removeprefix("run: ")


def test_a_run_is_found_by_its_name_or_as_the_newest_with_a_model(runs, call):
    newest = str(runs["newer"].relative_to(runs["newer"].parents[1]))
    assert shown(call("predict", runs["name"], "flowers.csv")) == newest
    assert shown(call("predict", "--latest", "flowers.csv")) == newest
    assert shown(call("predict", "other", "flowers.csv")) == f"runs/{runs['other'].name}"
    assert shown(call("predict", runs["older"].name, "flowers.csv")) == f"runs/{runs['older'].name}"
    assert shown(call("predict", "other", "flowers.csv", "--runs", runs["older"].parent)) == str(runs["other"])
    assert "run: " not in call("predict", runs["older"], "flowers.csv").stderr


def test_the_newest_run_that_a_command_can_use_is_taken(runs, call):
    assert shown(call("replay", "--latest")) == f"runs/{runs['newer'].name}"
    assert shown(call("resume", "--latest")) == f"runs/{runs['stopped'].name}"


REFUSED = {
    "predict othr flowers.csv": "othr does not exist, and no run in runs has that name, did you mean 'other'?",
    "resume other": "no run named 'other' in runs can be resumed: the run runs/other-train-20240101-120000 has fini",
    "replay tuned": "tuned-search-20240103-000000 was made by gmcore search: only train and validate can be replayed",
    "predict tuned flowers.csv": "no run named 'tuned' in runs has a model: the run runs/tuned-search-20240103-000000 ",
    "predict other-train-20240101-120001 flowers.csv": "did you mean 'other-train-20240101-120000'?",
    "predict . flowers.csv": ". is neither a model file nor a run folder",
    "predict runs flowers.csv": "runs is neither a model file nor a run folder",
    "predict run.toml flowers.csv": "run.toml is not a model file of gmcore",
    "predict --latest flowers.csv --runs .": "no run in . has a model; there are no runs",
    "resume --latest --runs .": "no run in . can be resumed; there are no runs",
    "predict --latest other flowers.csv": "--latest takes the place of MODEL: give one of MODEL and --latest",
    "predict flowers.csv": "Missing argument 'CSV'",
    "predict": "Missing argument 'MODEL': give one of MODEL and --latest",
    "resume": "Missing argument 'RUN': give one of RUN and --latest",
    "replay --latest other": "--latest takes the place of RUN",
}


def test_what_names_no_run_is_refused_with_the_reason_and_the_runs_there_are(runs, call):
    shutil.copytree(runs["searched"], runs["searched"].with_name("tuned-search-20240103-000000"))
    for command, message in REFUSED.items():
        done = call(*command.split())
        assert done.exit_code == 2, command
        assert message in done.stderr


def test_a_path_is_taken_before_a_name(runs, call, folder):
    shutil.copytree(runs["older"], folder / "other")
    assert "run: " not in call("predict", "other", "flowers.csv").stderr
    (folder / "other" / "model.safetensors").unlink()
    (folder / "other" / "provenance.json").unlink()
    assert shown(call("predict", "other", "flowers.csv")) == f"runs/{runs['other'].name}"
