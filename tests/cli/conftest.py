import json

import pytest
from click.testing import CliRunner

from gmcore.cli.root import gmcore

RUN = """
seed = 3

[data]
use = "csv"
path = "flowers.csv"
target = "kind"

[model]
use = "mlp"
hidden = [8]

[training]
max_epochs = 4
batch_size = 16
optimizer = { use = "adamw", learning_rate = 0.05 }

[validation]
use = "kfold"
n_splits = 3

[metrics]
use = ["accuracy"]
"""


def csv_text(rows: int = 45) -> str:
    kinds, colours = ("iris", "rose", "tulip"), ("red", "blue")
    lines = [f"{row % 3 + 0.01 * row:.2f},{colours[row % 2]},{kinds[row % 3]}" for row in range(rows)]
    return "\n".join(["petal,colour,kind", *lines, ""])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Change to a folder with a run file and its data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flowers.csv").write_text(csv_text())
    (tmp_path / "run.toml").write_text(RUN)
    return tmp_path


@pytest.fixture
def call():
    """Run a command in this process; returns exit status, stdout and stderr."""

    def run(*arguments):
        return CliRunner().invoke(gmcore, [str(argument) for argument in arguments], catch_exceptions=False)

    return run


@pytest.fixture
def report(call):
    """Run a command with `--json`, which must succeed; returns the JSON object."""

    def run(*arguments):
        done = call(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    return run
