"""What README and docs show is true."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import click
import pytest

import gmcore.ports
import gmcore.testing
from gmcore.app.composing.run_config import RunConfig, TrainingTable
from gmcore.cli.root import Commands
from gmcore.cli.root import gmcore as command_line
from gmcore.domain import CheckpointConfig, EarlyStoppingConfig, Hooks
from gmcore.nn.optimizers import OPTIMIZERS
from gmcore.nn.schedules import SCHEDULES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
RUNNER = Path(__file__).with_name("run_page.py")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


@each_page
def test_examples_run(page, tmp_path):
    if (ROOT / "examples").exists():
        shutil.copytree(ROOT / "examples", tmp_path / "examples")
    command = [sys.executable, "-W", "error", RUNNER, page]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each_page
def test_links_lead_somewhere(page):
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


@each_page
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:^\$? ?|`)make ([a-z]+)", page.read_text(), flags=re.MULTILINE)) <= targets


def reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / f"{name}.md").read_text()


def options(*classes: type) -> set[str]:
    return {field.alias for cls in classes for field in attrs.fields(cls) if field.init}


def commands(group: click.Group, path: str = "gmcore") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield from (
            commands(command, f"{path} {name}") if isinstance(command, Commands) else [(f"{path} {name}", command)]
        )


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("run-file", options(RunConfig, TrainingTable, EarlyStoppingConfig, CheckpointConfig)),
        ("run-file", {*OPTIMIZERS, *SCHEDULES} | options(*OPTIMIZERS.values(), *SCHEDULES.values())),
        ("ports", set(gmcore.ports.__all__)),
        ("ports", {f"gmcore.{port}" for port in gmcore.float32.registries if port != "hooks"}),
        ("../how-to/write-a-plugin", {name for name in gmcore.testing.__all__ if name.endswith("Contract")}),
        ("hooks", options(Hooks) | {name.title().replace("_", "") for name in options(Hooks)}),
    ],
    ids=["keys of a run file", "optimizers and schedules", "ports", "groups", "suites", "hooks"],
)
def test_the_reference_leaves_nothing_out(page, names):
    text = reference(page)
    headings = set(re.findall(r"^## (\w+)$", text, flags=re.MULTILINE))
    assert {name for name in names if f"`{name}`" not in text and f"`{name} " not in text} <= headings


def test_the_reference_has_every_command_and_option():
    text = reference("cli")
    for name, command in commands(command_line):
        assert f"## `{name}" in text
        section = text.partition(f"## `{name}")[2].partition("\n## ")[0]
        flags = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
        assert {flag for flag in flags - {"--json"} if f"`{flag}" not in section} == set()
