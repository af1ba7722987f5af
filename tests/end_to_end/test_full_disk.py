"""A disk that fills up under a run: it stops and can be gone on with, or goes on, as configured."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

RUN = """
backend = {{ use = "metal", device = "cpu" }}

[data]
use = "csv"
path = "rows.csv"
target = "y"

[model]
use = "mlp"
hidden = [32]

[training]
max_epochs = 30
checkpoint = {{ seconds = inf, every_epochs = 1, keep = 99, on_error = "{on_error}" }}
"""

# The first run finds room for some checkpoints and not for all; then there is more room.
SCRIPT = """
mount -t tmpfs -o size=256k none disk || exit 77
{gmcore} train run.toml --runs disk 2>first; echo $? >status
ls disk/*/checkpoints >kept; cat disk/*/status.json >told; ls -A disk/* >left
mount -o remount,size=64m disk
{gmcore} resume disk/* 2>second || exit 1
cp disk/*/model.safetensors disk/*/metrics.jsonl .
"""


def gmcore(*arguments):
    return subprocess.run([sys.executable, "-m", "gmcore", *arguments], capture_output=True, text=True, check=True)


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Train on a disk of 256 KiB, make room, and go on; give what was left behind."""
    if shutil.which("unshare") is None:
        pytest.skip("this system has no unshare")

    def run(on_error):
        monkeypatch.chdir(tmp_path)
        points = np.random.default_rng(0).normal(size=(60, 8))
        lines = [",".join([*map(str, point), "yes" if point[0] > point[1] else "no"]) for point in points]
        Path("rows.csv").write_text("\n".join(["a,b,c,d,e,f,g,h,y", *lines]) + "\n")
        Path("run.toml").write_text(RUN.format(on_error=on_error))
        Path("disk").mkdir()
        script = SCRIPT.format(gmcore=f"{sys.executable} -m gmcore")
        done = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], check=False)
        if done.returncode == 77 or not Path("status").exists():
            pytest.skip("this user can't mount a file system")
        assert done.returncode == 0, Path("second").read_text()
        gmcore("train", "run.toml", "--runs", "whole")
        return tmp_path

    return run


@pytest.mark.slow
def test_a_run_stops_with_its_checkpoints_intact_and_goes_on_to_the_same_bytes(ran):
    place = ran("stop")
    assert (place / "status").read_text() == "1\n"
    message = (place / "first").read_text()
    assert "No space left on device" in message
    assert "gmcore resume" in message
    assert "Traceback" not in message
    assert 1 < len((place / "kept").read_text().splitlines()) < 30
    assert ".part" not in (place / "left").read_text()
    (whole,) = (place / "whole").iterdir()
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (place / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.slow
def test_a_run_goes_on_and_says_so_once(ran):
    place = ran("continue")
    message = (place / "first").read_text()
    assert message.count("the run continues without new checkpoints") == 1
    # What it came to has no room either, or a part of it, and that is no checkpoint.
    assert (place / "status").read_text() == "1\n"
    assert re.search(
        r"Error: cannot write \S+/(model\.safetensors|result\.json|status\.json): No space left on device", message
    )
    assert "Traceback" not in message
    (whole,) = (place / "whole").iterdir()
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (place / name).read_bytes() == (whole / name).read_bytes()
    assert json.loads((place / "told").read_text())["status"] in ("failed", "running")
