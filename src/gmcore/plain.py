"""Values as JSON has them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import attrs

__all__ = ["plain"]


@runtime_checkable
class _SupportsToList(Protocol):
    """A NumPy array or number, told without importing NumPy, which much of the command line does not need."""

    def tolist(self) -> Any: ...


def plain(value: Any) -> Any:
    """Return lists for tuples and arrays, objects for attrs classes, text for paths, null for numbers that are none."""
    if isinstance(value, _SupportsToList):
        value = value.tolist()
    if attrs.has(type(value)):
        value = attrs.asdict(value, recurse=False)
    if isinstance(value, Mapping):
        return {str(name): plain(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
