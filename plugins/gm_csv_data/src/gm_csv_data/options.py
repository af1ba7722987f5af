"""Checks and conversions of the options of `CSVDataProvider`."""

import codecs
from collections.abc import Iterable
from pathlib import Path

import attrs

from gmcore.domain.sizes import bytes_of

__all__ = [
    "LOCAL",
    "is_encoding",
    "is_mark",
    "is_separator",
    "is_size",
    "one_or_many",
    "paths",
    "some",
]

LOCAL = {"local": True}
"""Metadata of options that name a path, a folder or a limit on this machine: a model file never sets them."""


def is_separator(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    """Check that an option is one character that no number contains."""
    if len(value) != 1 or not value.isascii() or value.isalnum() or value in '"\r\n.+-':
        raise ValueError(f"{attribute.name} must be one ASCII character that can't be part of a number, got {value!r}")


def is_mark(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    """Check that an option is empty or one punctuation character."""
    if value and (len(value) != 1 or not value.isascii() or value.isalnum() or value in "\r\n \0"):
        raise ValueError(f"{attribute.name} must be empty or one ASCII punctuation character, got {value!r}")


def is_encoding(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    """Check that an option names a codec that decodes text in parts; `zlib`, for one, does not."""
    try:
        codecs.getincrementaldecoder(value)().decode(b"").encode()
    except (LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
        known = "a codec known to Python, such as 'utf-8' or 'latin-1'"
        raise ValueError(f"{attribute.name} must be {known}, got {value!r}") from error


def is_size(_: object, attribute: "attrs.Attribute[int | str | None]", value: int | str | None) -> None:
    """Check that an option is a size in bytes, or text such as `"50 GB"`."""
    if value is not None:
        try:
            bytes_of(value)
        except ValueError as error:
            raise ValueError(f"{attribute.name} {error}") from error


def one_or_many(value: str | Iterable[str]) -> str | tuple[str, ...]:
    """Return a text as it is, and several as a tuple."""
    return value if isinstance(value, str) else tuple(value)


def paths(value: str | Path | Iterable[str | Path]) -> Path | tuple[Path, ...]:
    """Return one path, or a tuple of several."""
    return Path(value) if isinstance(value, str | Path) else tuple(map(Path, value))


def some(_: object, attribute: "attrs.Attribute[Path | tuple[Path, ...]]", value: object) -> None:
    """Check that there is at least one path."""
    if value == ():
        raise ValueError(f"{attribute.name} must name at least one file, got none")
