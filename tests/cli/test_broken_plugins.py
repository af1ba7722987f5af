import json
import os
import subprocess
import sys

import pytest

POINTS = {
    "gm-raises": ("[gmcore.metric_computers]\nraises = gm_raises:Metric\n", "raise RuntimeError('no licence')\n"),
    "gm-exits": ("[gmcore.hooks]\nexits = gm_exits:Hook\n", "import sys\nsys.exit(3)\n"),
    "gm-one": ("[gmcore.data_providers]\nrows = gm_one:Rows\n", "Rows = object\n"),
    "gm-two": ("[gmcore.data_providers]\nrows = gm_two:Rows\n", "Rows = object\n"),
}


@pytest.fixture
def gmcore(folder):
    """Run the command in a new process with four broken plugins installed."""
    site = folder / "site"
    for name, (points, source) in POINTS.items():
        info = site / f"{name.replace('-', '_')}-0.3.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.3\n")
        (info / "entry_points.txt").write_text(points)
        (site / f"{name.replace('-', '_')}.py").write_text(source)

    def run(*arguments):
        command = [sys.executable, "-m", "gmcore", *arguments]
        environment = os.environ | {"PYTHONPATH": str(site)}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run


def test_the_list_names_those_that_claim_one_name_and_those_that_do_not_load(gmcore):
    listed = gmcore("plugins", "list", "--no-import")
    assert listed.returncode == 0
    assert all(name in listed.stderr for name in POINTS)
    assert "use 'gm-one/rows'" in listed.stderr
    assert "no licence" not in listed.stderr
    told = json.loads(gmcore("plugins", "list", "--json").stdout)
    reasons = {one["distribution"]: one["reason"] for one in told["plugins"] if one["reason"]}
    assert set(reasons) == set(POINTS)
    assert "RuntimeError: no licence" in reasons["gm-raises"]
    assert "SystemExit: 3" in reasons["gm-exits"]


def test_everything_else_works(gmcore):
    done = gmcore("validate", "run.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["folds"]) == 3


def test_using_a_broken_plugin_names_its_owner_and_its_cause(gmcore, folder):
    text = (folder / "run.toml").read_text()
    (folder / "run.toml").write_text(text.replace('["accuracy"]', '["raises"]'))
    done = gmcore("train", "run.toml")
    assert done.returncode == 2
    assert "gm-raises 0.3" in done.stderr
    assert "RuntimeError: no licence" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_finds_them_and_fails(gmcore):
    done = gmcore("doctor", "--json")
    assert done.returncode == 1
    troubles = json.loads(done.stdout)["troubles"]
    assert {one["distribution"] for one in troubles} == set(POINTS)
