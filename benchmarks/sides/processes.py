"""Time of processes from start to end, compared with a bare interpreter."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

__all__ = ["process"]


def process(code, plugins=0):
    """Measure milliseconds of an interpreter that runs `code`, with `plugins` made-up plugins on its path."""
    folder, bytecode = tempfile.TemporaryDirectory(), tempfile.TemporaryDirectory()
    for number in range(plugins):
        made = Path(folder.name) / f"gm_invented_{number}-1.0.dist-info"
        made.mkdir()
        (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gm-invented-{number}\nVersion: 1.0\n")
        (made / "entry_points.txt").write_text(
            f"[gmcore.model_providers]\ninvented{number} = gm_invented_{number}:Model\n"
        )
    path = os.pathsep.join(filter(None, [folder.name, os.environ.get("PYTHONPATH", "")]))
    # Packages that pip installed have bytecode; an editable install may not.
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": bytecode.name,
    }

    def seconds(script):
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, check=False, capture_output=True, text=True
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"status {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
        return time.perf_counter() - begun

    def measure(_):
        assert Path(folder.name).exists()  # keeps the folder alive as long as `measure`
        seconds(code)
        times = []
        begun = time.perf_counter()
        while len(times) < 15 and (not times or time.perf_counter() - begun < 1):
            bare = seconds("pass")
            times.append((seconds(code), bare))
        return {
            "over bare ms": statistics.median(full - bare for full, bare in times) * 1e3,
            "ms": statistics.median(full for full, _ in times) * 1e3,
        }

    return measure
