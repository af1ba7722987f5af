"""The examples' own run files reach what a reader may expect of them, on every installed backend's default device."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def gmcore(folder, *arguments):
    command = [sys.executable, "-m", "gmcore", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "folds", "least", "most"),
    [
        ("breast_cancer", 10, {"accuracy": 0.970}, {"log_loss": 0.10}),
        pytest.param("digits", 5, {"accuracy": 0.975}, {"log_loss": 0.09}, marks=pytest.mark.slow),
        pytest.param("diabetes", 5, {"r2": 0.45}, {}, marks=pytest.mark.slow),
    ],
)
def test_cross_validation_reaches_its_mark(name, folds, least, most, tmp_path):
    told = json.loads(gmcore(tmp_path, "validate", EXAMPLES / name / "run.toml", "--json"))
    assert len(told["folds"]) == folds
    for metric, mark in least.items():
        assert told["mean"][metric] >= mark, told["mean"]
    for metric, mark in most.items():
        assert told["mean"][metric] <= mark, told["mean"]


@pytest.mark.slow
def test_a_model_predicts_the_same_in_a_process_that_never_saw_its_data(tmp_path):
    source = EXAMPLES / "breast_cancer"
    for file in ("run.toml", "breast_cancer.csv"):
        (tmp_path / file).write_bytes((source / file).read_bytes())
    code = """
import gmcore
done = gmcore.train("run.toml", runs="runs")
for row in done.model.predict_numbers(done.model.read("breast_cancer.csv")):
    print(*row.tolist())
"""
    trained = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    (tmp_path / "breast_cancer.csv").unlink()
    (run,) = (tmp_path / "runs").iterdir()
    told = json.loads(gmcore(tmp_path, "predict", run, source / "breast_cancer.csv", "--json"))
    classes = [name for name in told["predictions"][0] if name.startswith("probability_")]
    numbers = [[row[name] for name in classes] for row in told["predictions"]]
    assert numbers == [[float(number) for number in line.split()] for line in trained.stdout.splitlines()]


@pytest.mark.slow
def test_two_processes_train_the_same_bits(tmp_path):
    run = EXAMPLES / "diabetes" / "run.toml"
    models = [json.loads(gmcore(tmp_path, "train", run, "--json"))["model"] for _ in range(2)]
    first, second = ((tmp_path / model).read_bytes() for model in models)
    assert first == second
