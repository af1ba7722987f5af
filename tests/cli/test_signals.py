import json
import signal
import subprocess
import sys

import pytest

# Ctrl-C while a module is imported, in the first moments of a command.
INTERRUPTED = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["gmcore", "train", "run.toml"]
from gmcore.cli import main
main()
"""


@pytest.mark.parametrize(
    ("name", "number", "status"),
    [
        ("train", signal.SIGINT, 130),
        ("validate", signal.SIGTERM, 143),
        pytest.param("train", signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param("validate", signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
)
def test_a_signal_stops_at_the_next_step_and_the_run_folder_says_so(name, number, status, folder):
    text = (folder / "run.toml").read_text()
    (folder / "run.toml").write_text(text.replace("max_epochs = 4", "max_epochs = 10000000"))
    command = [sys.executable, "-m", "gmcore", name, "run.toml", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # Before it, there may be a line about a cache that can't be used.
        while "flowers.csv" not in (first := process.stderr.readline()):
            assert first
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == status, first + stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    (run,) = (folder / "runs").iterdir()
    assert json.loads((run / "status.json").read_text())["status"] == "cancelled"
    assert str(run.name) in stderr


@pytest.mark.parametrize(
    "module", ["gmcore.cli.root", "click", "gmcore.cli.train", "numpy", "gmcore.app", "gm_csv_data"]
)
def test_ctrl_c_during_an_import_ends_the_command_without_a_traceback(module, folder):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(module=module)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == "Error: stopped on request"
    assert not (folder / "runs").exists()
