"""The conversion of single values in options, which coerces nothing but whole numbers to floats and text to paths."""

import contextlib
import numbers
from pathlib import Path, PurePath

from gmcore.registry.type_words import expected

__all__ = ["ImpossibleValueError", "exact", "number", "path", "whole"]

_LARGEST = 2**63 - 1


class ImpossibleValueError(ValueError):
    """A value has the right type and can't be used; so it was not meant for another type of a union."""


def exact(value: object, kind: type) -> object:
    """Return a bool or text that is one already."""
    if isinstance(value, bool if kind is bool else str):
        return value if kind in {bool, str} else kind(value)
    raise expected(kind, value)


def whole(value: object, kind: type) -> object:
    """Return a whole number of at most 63 bits, as every array and file format can hold it."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise expected(kind, value)
    if not -_LARGEST <= int(value) <= _LARGEST:
        raise ImpossibleValueError(f"must be between -2^63 and 2^63, got a number of {int(value).bit_length()} bits")
    return kind(value)


def number(value: object, kind: type) -> object:
    """Return a float, or a whole number as a float."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            return kind(value)
    raise expected(kind, value)


def path(base: Path | None, value: object, kind: object) -> Path:
    """Return a path, given as one or as text; `~` is the home folder, and relative paths start from `base`."""
    if not isinstance(value, str | PurePath):
        raise expected(kind, value)
    if "\0" in str(value):
        raise ImpossibleValueError(f"must be a path, got text with a null character: {str(value)!r:.60}")
    try:
        found = Path(value).expanduser()
    except RuntimeError as error:
        raise ImpossibleValueError(
            f"must be a path, but {str(value)!r:.60} names a home folder that does not exist"
        ) from error
    return base / found if base else found
