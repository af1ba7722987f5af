"""The option `--engine` of `validate` and `search`: another engine than the run file's."""

import tomllib

import pytest


@pytest.mark.parametrize("command", ["validate", "search"])
def test_an_engine_that_is_not_installed_is_refused(folder, call, command):
    done = call(command, "run.toml", "--engine", "clusta")
    assert done.exit_code == 2
    assert "engine.use: no engine named 'clusta'" in done.stderr
    assert not (folder / "runs").exists()


def test_the_engine_is_recorded_and_the_scores_are_those_of_the_run_file(folder, report):
    run_file = folder / "run.toml"
    run_file.write_text(f'backend = {{ use = "metal", fused = false }}\n{run_file.read_text()}')
    here = report("validate", "run.toml")
    there = report("validate", "run.toml", "--engine", "processes")
    assert there["mean"] == here["mean"]
    assert tomllib.loads((folder / there["run"] / "config.toml").read_text())["engine"]["use"] == "processes"
