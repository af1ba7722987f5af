"""The distributions that provide the components of a run or of a model, and a note about those not installed."""

import contextlib
import functools
import importlib.metadata
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from gmcore.errors import InputError, ModelFileError
from gmcore.registry import Registry
from gmcore.registry.discovery import installed_state, normalise

__all__ = ["check_known_distributions", "distributions_of", "missing_noted", "with_nested"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def distributions_of(components: Iterable[object]) -> set[str]:
    """Return the names of the distributions with the classes of components, except gmcore."""
    packages = {type(one).__module__.partition(".")[0] for one in components} - {"gmcore", *sys.stdlib_module_names}
    known = _owners(installed_state())
    if new := packages - known.keys():
        found = [(one.metadata["Name"], its) for one in importlib.metadata.distributions() if (its := _among(new, one))]
        known |= {package: {name for name, its in found if package in its} for package in new}
    return {owner for package in packages for owner in known[package]}


def with_nested(component: object) -> Iterator[object]:
    """Yield a component and the attrs objects within it, such as the loss of a model provider."""
    yield component
    yield from _nested(component)


@contextlib.contextmanager
def missing_noted(recorded: object, what: str) -> Iterator[None]:
    """Add a note to an `InputError` of the block if recorded distributions are not installed.

    Args:
        recorded: names of distributions as a file has them, which may hold anything.
        what: the subject of the note, such as `"the run"`.
    """
    try:
        yield
    except InputError as error:
        given = recorded if isinstance(recorded, list | Mapping) else ()
        names = [name for name in given if isinstance(name, str) and _NAME.fullmatch(name)]
        absent = [name for name in sorted(names) if not _is_installed(name)]
        if absent:
            are = "is" if len(absent) == 1 else "are"
            error.add_note(
                f"{what} used {', '.join(absent)}, which {are} not installed: pip install {' '.join(absent)}"
            )
        raise


def check_known_distributions(recorded: object, tables: Iterable[tuple[object, Registry[Any]]], what: str) -> None:
    """Check that components come from distributions that a file recorded, not from another one with the same names.

    Args:
        recorded: names of distributions as a file has them, which may hold anything; nothing is checked without a list.
        tables: tables of components, each with the registry of its kind.
        what: the subject of the message, such as `"the model m.safetensors"`.

    Raises:
        ModelFileError: if a component is another distribution's; it may compute something else.
    """
    if not isinstance(recorded, list):
        return
    known = {normalise(name) for name in recorded if isinstance(name, str)} | {"", "gmcore"}
    for table, registry in tables:
        name = table.get("use") if isinstance(table, Mapping) else None
        if not isinstance(name, str) or name not in registry:
            continue  # building it reports that
        found = registry.info(name).distribution
        if normalise(found) not in known:
            raise ModelFileError(
                f"{what} has the {registry.kind} {name!r} of {' or '.join(sorted(map(str, recorded))) or 'no plugin'}, "
                f"but here {found} provides it: install the former, and uninstall {found}"
            )


@functools.lru_cache(maxsize=1)
def _owners(installed: object) -> dict[str, set[str]]:  # noqa: ARG001 - the key of the cache
    """Return the distributions of packages that were looked up while the same distributions are installed."""
    return {}


def _among(packages: set[str], distribution: importlib.metadata.Distribution) -> set[str]:
    """Return those of some top-level packages and modules that a distribution has.

    As `importlib.metadata.packages_distributions`, which takes ten times as long, since it makes a path of each of the
    thousands of files that are installed.
    """
    if declared := (distribution.read_text("top_level.txt") or "").split():
        return packages & set(declared)
    record = distribution.read_text("RECORD")
    if record is not None:
        lines = f"\n{record}"
        return {package for package in packages if f"\n{package}/" in lines or f"\n{package}." in lines}
    return packages & {path.parts[0].removesuffix(".py") for path in distribution.files or ()}


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _nested(component: object) -> Iterator[object]:
    kind = type(component)
    if attrs.has(kind):
        values: Iterable[object] = [getattr(component, field.name) for field in attrs.fields(kind)]
    elif isinstance(component, Mapping):
        values = component.values()
    else:
        values = component if isinstance(component, list | tuple) else ()
    for value in values:
        if attrs.has(type(value)):
            yield value
        yield from _nested(value)
