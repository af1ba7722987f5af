import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def write_distribution(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    entry_points: Mapping[str, Mapping[str, str]] | str,
    modules: Mapping[str, str] | None = None,
) -> Path:
    """Write what an installer leaves of a distribution, and return its metadata folder."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if not isinstance(entry_points, str):
        groups = {group: "\n".join(f"{n} = {v}" for n, v in lines.items()) for group, lines in entry_points.items()}
        entry_points = "\n\n".join(f"[{group}]\n{lines}" for group, lines in groups.items())
    (info / "entry_points.txt").write_text(entry_points)
    for module, source in (modules or {}).items():
        (folder / f"{module}.py").write_text(source)
    return info


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Give an empty folder on `sys.path`, whose modules are forgotten again."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def install(site):
    """Give a function that installs a distribution, into `site` unless another folder is named."""

    def write(name: str, version: str = "1.0", *, folder: Path = site, **parts) -> Path:
        return write_distribution(folder, name, version, **parts)

    return write


@pytest.fixture(scope="module")
def installed_outside(tmp_path_factory):
    """Give a function that builds a distribution from its sources beside this file, and returns the folder it is in."""

    def install_from(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        source = shutil.copytree(Path(__file__).parent / name, folder / "source")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        options = ["--no-deps", "--no-index", "--no-build-isolation", "--target", str(folder / "site")]
        subprocess.run([*pip, *options, str(source)], check=True, capture_output=True, text=True)
        return folder / "site"

    return install_from
