"""Sizes as people write them."""

import re

__all__ = ["bytes_of", "size_text"]

_UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def bytes_of(size: int | str) -> int:
    """Return a size in bytes: a number of them, or a text such as `"200 MB"`.

    Raises:
        ValueError: if it is neither, or not above 0.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]b)", str(size).strip().lower())
    number = int(float(found[1]) * _UNITS[found[2]]) if found else size
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"must be a number of bytes above 0 or a text such as '200 MB', got {size!r}")
    return number


def size_text(count: float) -> str:
    """Return bytes in the largest unit of 1024 that leaves at least 1."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1024:  # noqa: PLR2004 - the next unit
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} GB"
