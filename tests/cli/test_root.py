import subprocess
import sys

import pytest

from gmcore.cli.root import gmcore


def test_help_names_every_command(call):
    shown = call("--help").stdout
    assert all(name in shown for name in ("train", "validate", "predict", "check", "plugins", "doctor"))


@pytest.mark.parametrize("name", gmcore.summaries)
def test_each_command_explains_itself_and_has_json(name, call):
    shown = call(name, "--help").stdout
    assert "--json" in shown or "Commands:" in shown


def test_the_version_is_that_of_the_distribution(call):
    assert call("--version").stdout == "gmcore 0.1.0\n"


def test_an_unknown_command_is_wrong_input(call):
    done = call("trian")
    assert done.exit_code == 2
    assert "trian" in done.stderr
    assert done.stdout == ""


def test_a_module_is_a_command_too():
    done = subprocess.run([sys.executable, "-m", "gmcore", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "gmcore 0.1.0\n"


@pytest.mark.parametrize("name", gmcore.summaries)
def test_the_help_of_a_command_imports_no_numpy_and_no_plugin(name):
    code = f"""
import sys
from gmcore.cli.root import gmcore
try:
    gmcore([{name!r}, "--help"])
except SystemExit as end:
    assert end.code == 0
print("imported:", *(name for name in sys.modules if name in ("numpy", "attr", "gmcore.app") or name.startswith("gm_")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["imported:"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["plugins", "--help"],
        ["plugins", "list", "--help"],
        ["plugins", "list", "--no-import"],
        ["plugins", "list", "--no-import", "--json"],
    ],
    ids=" ".join,
)
def test_what_needs_no_numbers_imports_no_plugin_and_nothing_that_is_slow(arguments):
    slow = {"numpy", "attr", "cattrs", "pluggy", "logging", "pathlib", "difflib", "importlib.metadata", "email"}
    if "--json" not in arguments:
        slow |= {"json"}
    code = f"""
import sys
before = set(sys.modules)
from gmcore.cli.root import gmcore
try:
    gmcore({arguments!r})
except SystemExit as end:
    assert end.code == 0
print("imported:", *(name for name in set(sys.modules) - before if name in {slow!r} or name.startswith("gm_")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["imported:"]


AT_EXIT = """
import atexit, gc, sys
atexit.register(lambda: print("left alone:", gc.get_freeze_count() > 10_000))
sys.argv = ["gmcore", "--version"]
from gmcore.cli import main

class Plugin:
    def __init__(self):
        self.listener = self.close
    def close(self):
        pass
    def __del__(self):
        print("its file is closed")

Plugin()
main()
"""


def test_at_exit_unreachable_objects_are_finalised_and_those_of_imports_left_alone():
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["gmcore 0.1.0", "its file is closed", "left alone: True"]


OF_OTHERS = {
    "gmcore.app.api",
    "gmcore.app.commands.cross_validate",
    "gmcore.app.commands.replay",
    "gmcore.app.commands.resume",
    "gmcore.app.commands.search",
    "gmcore.app.records.record",
    "gmcore.app.records.run_lookup",
    "gmcore.app.searching",
    "gmcore.builtins.arrays",
    "gmcore.builtins.metrics.detection",
    "gmcore.builtins.metrics.errors",
    "gmcore.nn.optimizers.rmsprop",
    "gmcore.nn.optimizers.sgd",
    "gmcore.nn.schedules.cosine",
    "gmcore.training.trials",
    "tqdm",  # there is no terminal
}


def test_training_imports_neither_other_commands_nor_components_that_the_run_does_not_name(folder):
    code = f"""
import importlib.util, sys
sys.argv = ["gmcore", "train", "run.toml"]
from gmcore.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0
print("imported:", *({OF_OTHERS!r} & set(sys.modules)))
print("absent:", *(name for name in {OF_OTHERS!r} if importlib.util.find_spec(name) is None))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["imported:", "absent:"], done.stderr
    assert len(list((folder / "runs").iterdir())) == 1


@pytest.mark.parametrize("name", ["check", "find_rate", "predict", "replay", "resume", "search", "train", "validate"])
def test_the_module_of_a_command_imports_neither_numpy_nor_the_application(name):
    code = f"import sys, gmcore.cli.{name}; print(*sorted({{'numpy', 'gmcore.app'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
