import json
import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", ["train", "validate"])
def test_a_signal_stops_at_the_next_step_and_the_run_folder_says_so(name, number, status, folder):
    text = (folder / "run.toml").read_text()
    (folder / "run.toml").write_text(text.replace("max_epochs = 4", "max_epochs = 10000000"))
    command = [sys.executable, "-m", "gmcore", name, "run.toml", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        first = process.stderr.readline()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == status, first + stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    (run,) = (folder / "runs").iterdir()
    assert json.loads((run / "status.json").read_text())["status"] == "cancelled"
    assert str(run.name) in stderr
