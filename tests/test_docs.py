"""The examples in README and docs run, their links exist, and the reference is complete."""

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
from gmcore.domain import AverageConfig, CheckpointConfig, EarlyStoppingConfig, Hooks
from gmcore.nn.layers import Activation

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
RUNNER = Path(__file__).with_name("run_page.py")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


@pytest.mark.slow
@each_page
def test_examples_run(page, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    if "pip install . " in page.read_text():
        copy_checkout(tmp_path)
    command = [sys.executable, "-W", "error", RUNNER, page]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def copy_checkout(folder: Path) -> None:
    """Copy what `pip install . ./plugins/…` needs."""
    generated = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for name in ("src", "plugins"):
        shutil.copytree(ROOT / name, folder / name, ignore=generated)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)


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


def own_components(kind: str) -> dict[str, type]:
    """Return the components of a kind that gmcore itself registers."""
    registry = gmcore.float32.registries[kind]
    return {info.name: registry[info.name] for info in registry.entries() if info.distribution == "gmcore"}


def commands(group: click.Group, path: str = "gmcore") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield from (
            commands(command, f"{path} {name}") if isinstance(command, Commands) else [(f"{path} {name}", command)]
        )


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("run-file", options(RunConfig, TrainingTable, EarlyStoppingConfig, AverageConfig, CheckpointConfig)),
        ("ports", set(gmcore.ports.__all__)),
        ("ports", {f"gmcore.{kind}" for kind in gmcore.float32.registries}),
        ("ports", {name for name in gmcore.testing.__all__ if name.endswith("Contract")} - {"HookContract"}),
        ("../how-to/write-a-plugin", {name for name in gmcore.testing.__all__ if name.endswith("Contract")}),
        ("hooks", options(Hooks) | {name.title().replace("_", "") for name in options(Hooks)}),
    ],
    ids=["keys of a run file", "ports", "groups", "suites by port", "suites", "hooks"],
)
def test_the_reference_leaves_nothing_out(page, names):
    text = reference(page)
    headings = set(re.findall(r"^## (\w+)$", text, flags=re.MULTILINE))
    assert {name for name in names if f"`{name}`" not in text and f"`{name} " not in text} <= headings


def test_the_reference_lists_each_activation_with_all_options():
    components = {name: cls for name, cls in own_components("layers").items() if issubclass(cls, Activation)}
    section = reference("run-file").partition("## Activations\n")[2].partition("\n##")[0]
    lines = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", section, flags=re.MULTILINE))
    assert lines.keys() == components.keys()
    missing = {name: {one for one in options(cls) if f"`{one}`" not in lines[name]} for name, cls in components.items()}
    assert {name: found for name, found in missing.items() if found} == {}


def test_the_readme_lists_every_package():
    layout = (ROOT / "README.md").read_text().partition("## Source layout")[2]
    listed = set(re.findall(r"── (\w+)/", layout))
    packages = {path.parent for path in (ROOT / "src" / "gmcore").glob("*/__init__.py")}
    assert {path.name for path in packages} <= listed
    inner = {path.parent.name for path in (ROOT / "src" / "gmcore" / "app").glob("*/__init__.py")} | {"fleet"}
    assert listed == {path.name for path in packages} | inner


def test_every_term_of_the_glossary_is_used_as_spelt_there():
    terms = re.findall(r"^\*\*(.+?)\*\*: ", reference("glossary"), flags=re.MULTILINE)
    assert len(terms) == len(set(terms)) > 0
    texts = [page for page in PAGES if page.name != "glossary.md"]
    texts += [*(ROOT / "src").glob("**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    words = " ".join(" ".join(path.read_text().split()) for path in texts).lower()
    assert [term for term in terms if not re.search(rf"\b{re.escape(term)}s?\b", words)] == []


def test_the_reference_has_every_command_and_option():
    text = reference("cli")
    for name, command in commands(command_line):
        assert f"## `{name}" in text
        section = text.partition(f"## `{name}")[2].partition("\n## ")[0]
        flags = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
        assert {flag for flag in flags - {"--json"} if f"`{flag}" not in section} == set()
