"""Each distribution stands alone, and the core works with whichever plugins are there."""

import itertools
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PROJECTS = [ROOT, *PLUGINS]
SUBSETS = [
    pytest.param(subset, marks=() if size in {0, 1, len(PLUGINS)} else pytest.mark.slow)
    for size in range(len(PLUGINS) + 1)
    for subset in itertools.combinations(PLUGINS, size)
]


def project_table(project: Path) -> dict:
    return tomllib.loads((project / "pyproject.toml").read_text())["project"]


def plugin_names(project: Path) -> set[str]:
    groups = project_table(project)["entry-points"]
    return {f"{group}:{name}" for group, entries in groups.items() for name in entries}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> Path:
    """Build every distribution from nothing but its own files, and unpack each wheel beside the others."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in PROJECTS:
        alone = folder / "sources" / project.name
        alone.mkdir(parents=True)
        shutil.copytree(project / "src", alone / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        for path in [path for path in project.iterdir() if path.suffix in {".toml", ".md"} or path.name == "LICENSE"]:
            shutil.copy(path, alone)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    sources = sorted((folder / "sources").iterdir())
    done = subprocess.run([*build, "--wheel-dir", folder, *sources], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / wheel.name.partition("-")[0])
    return folder


@pytest.fixture(scope="module")
def third_parties(tmp_path_factory) -> Path:
    """Give the environment's packages without any of ours."""
    folder = tmp_path_factory.mktemp("third-parties")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"gmcore|gm_|__editable__|.*\.pth$", path.name):
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def run_with(wheels, third_parties):
    """Run code where nothing is installed but the core, the given plugins and third parties."""

    def run(code: str, plugins: tuple[Path, ...]) -> str:
        path = [str(wheels / project.name) for project in plugins]
        path = [str(wheels / "gmcore"), *path, str(third_parties)]
        script = f"import sys; sys.path[:0] = {path!r}\n{code}"
        command = [sys.executable, "-I", "-S", "-W", "error", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name if path != ROOT else "gmcore")
def test_a_wheel_has_its_types_and_its_entry_points(project, wheels):
    table = project_table(project)
    package = table["name"].replace("-", "_")
    content = wheels / package
    assert {path.name for path in content.iterdir()} == {package, f"{package}-{table['version']}.dist-info"}
    assert (content / package / "py.typed").is_file()
    written = (content / f"{package}-{table['version']}.dist-info" / "entry_points.txt").read_text()
    for group, entries in table["entry-points"].items():
        assert f"[{group}]" in written
        assert all(f"{name} = {target}" in written for name, target in entries.items())


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda subset: "+".join(path.name for path in subset) or "none")
def test_the_core_finds_exactly_the_plugins_that_are_there(subset, run_with):
    code = """
import json, gmcore
names = {f"gmcore.{info.port}:{info.name}" for info in gmcore.float32.entries()}
print(json.dumps([sorted(names), [name for name in sys.modules if name.startswith("gm_")]]))
"""
    found, imported = json.loads(run_with(code, subset))
    expected = plugin_names(ROOT).union(*map(plugin_names, subset))
    assert set(found) == expected
    assert imported == []


@pytest.mark.parametrize("project", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_beside_the_core_alone(project, run_with):
    targets = [target for entries in project_table(project)["entry-points"].values() for target in entries.values()]
    run_with("\n".join("from {} import {}".format(*target.split(":")) for target in targets), (project,))
