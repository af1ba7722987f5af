"""A run in a dict, and a distribution with components that other processes find."""

import sys
import tomllib
from pathlib import Path

import pytest

from gmcore.registry import plugins

PARTS = Path(__file__).with_name("parts")
ENTRIES = """
[gmcore.schedules]
deadly = engine_parts:Deadly
full = engine_parts:Full

[gmcore.engines]
stopping = engine_parts:Stopping
"""


@pytest.fixture
def tables(run_file):
    tables = tomllib.loads(run_file.read_text())
    tables["data"] |= {"path": str(run_file.with_name("moons.csv"))}
    tables["backend"] = {"use": "jax", "device": "cpu"}
    tables["training"] |= {"max_epochs": 2}
    return tables


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Install the module `engine_parts` as a distribution, on `sys.path`."""
    about = tmp_path / "metadata" / "engine_parts-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: engine-parts\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    for folder in (PARTS, about.parent):
        monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(plugins, "_of_process", {})  # so that plugins are looked for again
    yield
    sys.modules.pop("engine_parts", None)
