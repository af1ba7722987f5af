"""Conversion of values to plain JSON types."""

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, cast, overload, runtime_checkable

if TYPE_CHECKING:
    from attrs import AttrsInstance

__all__ = ["plain"]


@runtime_checkable
class _SupportsToList(Protocol):
    """A NumPy array or scalar, detected without importing NumPy, which much of the command line does not need."""

    def tolist(self) -> object: ...


@overload
def plain(value: Mapping[str, object]) -> dict[str, object]: ...
@overload
def plain(value: object) -> object: ...
def plain(value: object) -> object:
    """Return the value as JSON types.

    Tuples and arrays become lists, mappings and attrs instances dicts with string keys, paths strings, and NaN and
    infinity None. Values of other types are returned as they are.
    """
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    if isinstance(value, dict):
        return {str(name): plain(child) for name, child in value.items()}
    return _plain_object(value)


def _plain_object(value: object) -> object:
    import attrs  # noqa: PLC0415 - slower to import than listing two hundred plugins, which needs no attrs

    if isinstance(value, _SupportsToList):
        return plain(value.tolist())
    if attrs.has(type(value)):
        return plain(attrs.asdict(cast("AttrsInstance", value), recurse=False))
    if isinstance(value, Mapping):
        return plain(dict(value))
    return os.fspath(value) if isinstance(value, os.PathLike) else value
