"""Values as JSON has them."""

import math
import os
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

__all__ = ["plain"]


@runtime_checkable
class _SupportsToList(Protocol):
    """A NumPy array or number, told without importing NumPy, which much of the command line does not need."""

    def tolist(self) -> Any: ...


def plain(value: Any) -> Any:
    """Return lists for tuples and arrays, objects for attrs classes, text for paths, null for numbers that are none."""
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    if isinstance(value, dict):
        return {str(name): plain(child) for name, child in value.items()}
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    import attrs  # noqa: PLC0415 - takes longer than listing two hundred plugins, which have no such values

    if isinstance(value, _SupportsToList):
        return plain(value.tolist())
    if attrs.has(type(value)):
        return plain(attrs.asdict(value, recurse=False))
    if isinstance(value, Mapping):
        return plain(dict(value))
    return os.fspath(value) if isinstance(value, os.PathLike) else value
