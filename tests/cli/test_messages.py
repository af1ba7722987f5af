"""Log messages of components go to stderr, only in the command line."""

import logging
import os
import subprocess
import sys

import pytest


def test_what_happens_to_a_large_file_is_told(folder, call, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    path = folder / "run.toml"
    path.write_text(path.read_text().replace('target = "kind"', 'target = "kind"\ncache = true'))
    done = call("check", path)
    assert f"flowers.csv: 45 rows kept in {folder / 'cache' / 'gmcore' / 'csv'}" in done.stderr
    assert "rows kept" not in done.stdout
    assert "rows kept" not in call("check", path).stderr
    assert logging.getLogger("gmcore").handlers == []


@pytest.mark.parametrize("arguments", [["plugins", "list"], ["plugins", "info", "talker"], ["doctor"]], ids=" ".join)
def test_what_a_plugin_says_while_it_is_imported_is_told_once(arguments, tmp_path):
    info = tmp_path / "gm_talker-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gm-talker\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[gmcore.metric_computers]\ntalker = gm_talker:Metric\n")
    source = "import logging\nlogging.getLogger('gmcore.talker').info('reading a table')\n"
    source += "from gmcore.builtins.metrics import Accuracy as Metric\n"
    (tmp_path / "gm_talker.py").write_text(source)
    command = [sys.executable, "-m", "gmcore", *arguments]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines().count("reading a table") == 1
