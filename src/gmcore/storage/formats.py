"""Formats of files, by number: what an older version wrote is brought into the present format, or refused by name."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from gmcore.errors import FormatError

__all__ = ["in_present_format"]

T = TypeVar("T")


def in_present_format(
    content: T,
    found: object,
    *,
    present: int,
    readers: Mapping[int, Callable[[T], T]],
    what: str,
    advice: str,
    version: str = "",
) -> T:
    """Return the content of a file in the present format.

    Args:
        content: what was read from the file.
        found: the number of its format.
        present: the number of the format that this version writes.
        readers: by number, a function that returns the content of a file of that format in the next format. A format
            without one can't be read, nor can those before it.
        what: the file, for messages.
        advice: what to do with a file whose format is too old.
        version: the version of gmcore that wrote the file, if it is known.

    Raises:
        FormatError: if a later version wrote it, or an older one whose format can't be read.
        ValueError: if `found` is not the number of a format.
    """
    if type(found) is not int or found < 1:
        raise ValueError(f"its format is {found!r:.20}")
    oldest = present
    while oldest - 1 in readers:
        oldest -= 1
    read = f"format {present}" if oldest == present else f"formats {oldest} to {present}"
    facts = f"({version and version + ', '}format {found}; this version reads {read})"
    if found > present:
        raise FormatError(f"{what} was written by a later version of gmcore {facts}: update gmcore")
    if found < oldest:
        raise FormatError(f"{what} was written by an older version of gmcore {facts}: {advice}")
    for number in range(found, present):
        content = readers[number](content)
    return content
