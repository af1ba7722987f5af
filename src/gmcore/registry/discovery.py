"""Discovery of installed gmcore plugins from their metadata, without importing them."""

import os
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["EntryPoint", "installed_state", "normalise", "scan"]

_CORE = "gmcore"
_PREFIX = "gmcore."
_INFO = (".dist-info", ".egg-info")

_memo: tuple[object, tuple["EntryPoint", ...]] = (None, ())


class EntryPoint(NamedTuple):
    """One line of the `entry_points.txt` of an installed distribution.

    A named tuple, since hundreds are created at start-up.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str


def scan() -> tuple[EntryPoint, ...]:
    """Return the entry points of all groups that start with `gmcore.`, in the order of `sys.path`.

    If a distribution is found twice, the first one counts, as in `importlib.metadata`. That module is imported only if
    `sys.path` has an entry that is not a folder, or if an import finder provides distributions, since importing it
    takes longer than the whole scan. While no folder on `sys.path` changes, every call returns the same tuple.
    """
    global _memo  # noqa: PLW0603 - the only memo; it is replaced as a whole, so that threads see the old or the new one
    state = (installed_state(), len(sys.meta_path))
    if _memo[0] != state:
        _memo = (state, tuple(_scan()))
    return _memo[1]


def installed_state() -> tuple[tuple[str, int], ...]:
    """Return a value that changes when a distribution is installed or removed: times of the folders of `sys.path`."""
    return tuple((path, _modified(path)) for path in sys.path if isinstance(path, str))


def normalise(distribution: str) -> str:
    """Return the normalised name of a distribution: lower case, with `-` in place of `_`, `.` and repetitions."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _modified(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns  # noqa: PTH116 - pathlib takes longer than the call itself
    except OSError:
        return -1


def _scan() -> Iterator[EntryPoint]:
    seen: set[str] = set()
    if any(_provides_distributions(finder) for finder in sys.meta_path):
        yield from _from_metadata(seen, sys.path)
        return
    for path in sys.path:
        try:
            names = os.listdir(path or ".")  # noqa: PTH208 - only the names are needed
        except NotADirectoryError:
            yield from _from_metadata(seen, [path])
        except (OSError, TypeError):
            continue
        else:
            yield from _from_folder(seen, path, names)


def _provides_distributions(finder: object) -> bool:
    """Return whether an import finder, other than Python's own one for `sys.path`, provides distributions."""
    is_pythons = getattr(finder, "__module__", "") == "_frozen_importlib_external"
    return not is_pythons and getattr(finder, "find_distributions", None) is not None


def _from_folder(seen: set[str], path: str, names: list[str]) -> Iterator[EntryPoint]:
    is_egg = path.lower().endswith(".egg")
    for name in names:
        lower = name.lower()
        if lower.endswith(_INFO):
            stem = name.rpartition(".")[0]
        elif is_egg and lower == "egg-info":
            stem = os.path.basename(path).rpartition(".")[0]  # noqa: PTH119
        else:
            continue
        distribution, _, version = stem.partition("-")
        if (key := normalise(distribution)) in seen:
            continue
        folder = os.path.join(path, name)  # noqa: PTH118
        data = _read(folder, "entry_points.txt")
        if key == _CORE and not _is_core(data.decode(errors="replace")):
            distribution = name
        else:
            seen.add(key)
        if _PREFIX.encode() in data:
            owner = _owner(folder, distribution, version)
            yield from _parse(data.decode(errors="replace"), *owner)


def _read(folder: str, name: str) -> bytes:
    # Hundreds of files are read at start-up, and the system calls take half as long as a file object.
    try:
        file = os.open(os.path.join(folder, name), os.O_RDONLY)  # noqa: PTH118
    except OSError:
        return b""
    try:
        return b"".join(iter(lambda: os.read(file, 1 << 16), b""))
    except OSError:
        return b""
    finally:
        os.close(file)


def _owner(folder: str, distribution: str, version: str) -> tuple[str, str]:
    """Return the name and version from the metadata, or else from the name of the folder.

    A name that is not the folder's is not believed: it would be one of another distribution.
    """
    head = (_read(folder, "METADATA") or _read(folder, "PKG-INFO"))[:4096].decode(errors="replace")
    found: dict[str, str] = {}
    for line in head.splitlines():
        field, _, value = line.partition(":")
        if field in ("Name", "Version") and value.strip():
            found.setdefault(field, value.strip())
        if not line or len(found) == 2:  # noqa: PLR2004 - name and version; the rest is not needed
            break
    name = found.get("Name", distribution)
    return name if normalise(name) == normalise(distribution) else distribution, found.get("Version", version)


def _parse(text: str, distribution: str, version: str) -> Iterator[EntryPoint]:
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line.strip("[]")
        elif group.startswith(_PREFIX) and line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if equals:
                yield EntryPoint(group, name.strip(), value.strip(), distribution, version)


def _is_core(text: str) -> bool:
    """Return whether the entry points of a distribution that is called gmcore are gmcore's own.

    Another one with that name would hide gmcore's entries, or have its own preferred to those of other plugins.
    """
    points = list(_parse(text, _CORE, ""))
    return bool(points) and all(re.match(r"gmcore[.:]", point.value) for point in points)


def _from_metadata(seen: set[str], path: list[str]) -> Iterator[EntryPoint]:
    import importlib.metadata  # noqa: PLC0415 - slow to import, and needed for zips and frozen programs only

    for found in importlib.metadata.distributions(path=path):
        name = found.metadata["Name"] or ""
        if (key := normalise(name)) in seen:
            continue
        text = found.read_text("entry_points.txt") or ""
        if key == _CORE and not _is_core(text):
            name = f"{name} {found.version}"
        else:
            seen.add(key)
        yield from _parse(text, name, found.version)
