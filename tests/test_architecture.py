"""The house is as its plan says: floors, doors, names and sizes."""

import ast
import importlib
import inspect
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import gmcore

ROOT = Path(__file__).parents[1]
PROJECTS = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
SOURCES = sorted(path for project in PROJECTS for path in project.glob("src/**/*.py"))
PACKAGES = [path for path in SOURCES if path.name == "__init__.py"]
PYTHON = [*SOURCES, *sorted(ROOT.glob("tests/**/*.py")), *sorted(ROOT.glob("plugins/*/tests/**/*.py"))]


def project_table(project: Path) -> dict:
    return tomllib.loads((project / "pyproject.toml").read_text())["project"]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def module_name(path: Path) -> str:
    parts = path.relative_to(next(parent for parent in path.parents if parent.name == "src")).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name.partition(".")[0]) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module.partition(".")[0]


def offered_names(tree: ast.Module, package: str) -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.startswith(f"{package}."):
                yield from (alias.asname or alias.name for alias in names)
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name


def public_methods(cls: type) -> Iterator[str]:
    for name, member in vars(cls).items():
        method = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if not name.startswith("_") and (inspect.isfunction(method) or isinstance(method, property)):
            yield name


def documented(cls: type, name: str) -> bool:
    return any(inspect.getdoc(vars(base)[name]) for base in cls.__mro__ if name in vars(base))


def test_import_contracts_hold():
    lint = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name if path != ROOT else "gmcore")
def test_a_distribution_imports_only_what_it_declares(project):
    table = project_table(project)
    optional = itertools.chain.from_iterable(table.get("optional-dependencies", {}).values())
    declared = [*table["dependencies"], *optional, table["name"]]
    allowed = {canonical(re.match(r"[\w.-]+", line).group()) for line in declared}
    distributions = packages_distributions()
    strangers = [
        f"{relative(path)}:{line}: {module}"
        for path in sorted(project.glob("src/**/*.py"))
        for line, module in imports_of(path)
        if module not in sys.stdlib_module_names and not allowed & {canonical(d) for d in distributions.get(module, [])}
    ]
    assert strangers == []


def test_all_distributions_have_one_version():
    versions = {project.name: project_table(project)["version"] for project in PROJECTS}
    assert set(versions.values()) == {gmcore.__version__}, versions


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## \[?([^\s\]]+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == gmcore.__version__


@pytest.mark.parametrize("path", PACKAGES, ids=module_name)
def test_a_package_says_what_it_is_and_names_exactly_what_it_offers(path):
    tree = ast.parse(path.read_text())
    package = importlib.import_module(module_name(path))
    assert ast.get_docstring(tree)
    assert len(set(package.__all__)) == len(package.__all__)
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    offered = {name for name in offered_names(tree, package.__name__) if not name.startswith("_")} - {"TYPE_CHECKING"}
    assert offered <= set(package.__all__)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_every_public_name_has_a_docstring(path):
    module = importlib.import_module(module_name(path))
    assert module.__doc__
    public = [getattr(module, name) for name in getattr(module, "__all__", ())]
    named = [thing for thing in public if inspect.isclass(thing) or inspect.isfunction(thing)]
    named = [thing for thing in named if thing.__module__.partition(".")[0] == module.__name__.partition(".")[0]]
    bare = [thing.__name__ for thing in named if not thing.__doc__]
    # The functions of a namespace are the array API's, and say in their names what they do.
    classes = [thing for thing in named if inspect.isclass(thing) and not thing.__name__.endswith("Namespace")]
    bare += [f"{cls.__name__}.{name}" for cls in classes for name in public_methods(cls) if not documented(cls, name)]
    assert bare == []


def test_no_file_passes_300_lines():
    long = {relative(path): count for path in PYTHON if (count := len(path.read_text().splitlines())) > 300}
    assert long == {}
