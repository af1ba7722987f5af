"""Plugins that print, exit and raise where they must not: each is named, and the others work."""

import json
import os
import subprocess
import sys

import pytest

BACKEND = """
import sys
from gm_jax_backend import JAXBackend

class X(JAXBackend):
    @classmethod
    def devices(cls, dtype):
        print("a line")
        {body}
"""
HOOK = """
import sys
from gmcore import hookimpl

class X:
    @hookimpl
    def epoch_end(self, context):
        {body}
"""
LOUD_HOOK = """
import atexit, ctypes, subprocess
from gmcore import hookimpl

class X:
    def __init__(self):
        print("a line when it is made")
        atexit.register(print, "a line at the end")

    @hookimpl
    def run_start(self, context):
        print("a line from python")
        ctypes.CDLL(None).puts(b"a line from c")
        subprocess.run(["echo", "a line from a child"], check=True)
"""
MODEL = """
import sys, attrs
from gm_mlp_model import MLPProvider
from gmcore.ports import ModelProvider

@attrs.frozen
class X(ModelProvider):
    def create(self, schema):
        sys.exit(0)
"""
OTHER_MLP = (
    "import attrs\nfrom gm_mlp_model import MLPProvider\n@attrs.frozen(kw_only=True)\nclass X(MLPProvider): pass\n"
)
PRINTS = "print('a line')\nfrom gmcore.builtins.metrics import Accuracy as X\n"
CREATED = "import attrs\n@attrs.frozen\nclass X:\n    def __attrs_post_init__(self): raise OSError('no licence')\n"
CREATED += "    def create(self, schema): ...\n"


@pytest.fixture
def with_plugin(folder):
    """Return a function that runs a command with a plugin named `bad` installed."""

    def run(kind, source, *arguments):
        info = folder / "site" / "gm_bad-0.3.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gm-bad\nVersion: 0.3\n")
        (info / "entry_points.txt").write_text(f"[gmcore.{kind}]\nbad = gm_bad:X\n")
        (folder / "site" / "gm_bad.py").write_text(source)
        environment = os.environ | {"PYTHONPATH": str(folder / "site")}
        command = [sys.executable, "-m", "gmcore", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def with_text(folder):
    """Return a function that replaces text in the run file."""

    def edit(old, new):
        text = (folder / "run.toml").read_text()
        assert old in text
        (folder / "run.toml").write_text(text.replace(old, new))

    return edit


def test_what_a_plugin_prints_at_its_import_is_not_in_the_json(with_plugin, with_text):
    with_text('["accuracy"]', '["bad"]')
    done = with_plugin("metric_computers", PRINTS, "train", "run.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["train"]["accuracy"] >= 0
    assert "a line" in done.stderr


@pytest.mark.parametrize("command", ["train", pytest.param("check", marks=pytest.mark.slow)])
def test_what_a_hook_prints_in_python_or_in_c_is_not_in_the_json(command, with_plugin, with_text):
    with_text("[metrics]", '[hooks]\nuse = ["bad"]\n[metrics]')
    done = with_plugin("hooks", LOUD_HOOK, command, "run.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    printed = ["when it is made", "at the end"] + ["from python", "from c", "from a child"] * (command == "train")
    assert all(f"a line {when}" in done.stderr for when in printed)


def test_what_a_hook_prints_is_on_stdout_without_json(with_plugin, with_text):
    with_text("[metrics]", '[hooks]\nuse = ["bad"]\n[metrics]')
    assert "a line from python" in with_plugin("hooks", LOUD_HOOK, "train", "run.toml").stdout


@pytest.mark.parametrize(
    "source",
    [
        "class E(BaseException): pass\nraise E('odd')\n",
        pytest.param("raise GeneratorExit\n", marks=pytest.mark.slow),
    ],
)
def test_any_exception_at_the_import_is_that_of_a_broken_plugin(source, with_plugin):
    done = with_plugin("model_providers", source, "doctor", "--json")
    assert done.returncode == 1
    (trouble,) = json.loads(done.stdout)["troubles"]
    assert (trouble["distribution"], trouble["state"]) == ("gm-bad", "broken")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit(0)", "failed to list its devices: SystemExit: 0"),
        pytest.param(
            "return ['cpu']",
            "must list at least one device, available or not, got ('cpu',)",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_backend_that_does_not_list_its_devices_is_reported_and_the_others_work(body, reason, with_plugin):
    source = BACKEND.format(body=body)
    done = with_plugin("backends", source, "doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert f"backend 'bad' of gm-bad 0.3 {reason}" in report["troubles"][0]["reason"]
    assert any(place["available"] for place in report["backends"])
    assert with_plugin("backends", source, "train", "run.toml", "--json").returncode == 0


@pytest.mark.parametrize(
    ("kind", "source", "old", "new", "message"),
    [
        ("hooks", HOOK.format(body="sys.exit(0)"), "[metrics]", '[hooks]\nuse = ["bad"]\n[metrics]', "sys.exit(0)"),
        pytest.param(
            "hooks",
            HOOK.format(body="1 / 0"),
            "[metrics]",
            '[hooks]\nuse = ["bad"]\n[metrics]',
            "ZeroDivisionError",
            marks=pytest.mark.slow,
        ),
        ("model_providers", MODEL, 'use = "mlp"\nhidden = [8]', 'use = "bad"', "sys.exit(0)"),
    ],
    ids=["hook exits", "hook raises", "model exits"],
)
def test_what_ends_a_run_is_one_message_with_the_distribution(kind, source, old, new, message, with_plugin, with_text):
    with_text(old, new)
    done = with_plugin(kind, source, "train", "run.toml")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    error = next(line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert error.startswith("Error: gm-bad 0.3 (")
    assert message in error


def test_a_plugin_whose_class_raises_is_named(with_plugin, with_text):
    with_text('use = "mlp"\nhidden = [8]', 'use = "bad"')
    done = with_plugin("model_providers", CREATED, "check", "run.toml")
    assert done.returncode == 2
    assert "model provider 'bad' of gm-bad 0.3 can't be created: OSError: no licence" in done.stderr


def test_a_model_whose_plugin_is_missing_names_the_distribution(with_plugin, with_text, call):
    with_text('use = "mlp"\nhidden = [8]', 'use = "bad"')
    done = with_plugin("model_providers", OTHER_MLP, "train", "run.toml", "--json")
    assert done.returncode == 0, done.stderr
    refused = call("predict", json.loads(done.stdout)["model"], "flowers.csv")
    assert refused.exit_code == 2
    assert "the model used gm-bad, which is not installed: pip install gm-bad" in refused.stderr
