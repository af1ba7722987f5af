"""Human-readable sizes in bytes."""

import re

__all__ = ["bytes_of", "size_text"]

_UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def bytes_of(size: int | str) -> int:
    """Return a size in bytes, given as a number of bytes or as a string such as `"200 MB"`.

    Units are decimal: a KB is 1000 bytes.

    Raises:
        ValueError: if it is neither, or not positive.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]b)", str(size).strip().lower())
    number = int(float(found[1]) * _UNITS[found[2]]) if found else size
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"must be a positive number of bytes or a string such as '200 MB', got {size!r}")
    return number


def size_text(count: float) -> str:
    """Return a number of bytes as text, in the largest unit that gives at least 1; units are decimal.

    For the sizes that it returns, `bytes_of` returns about the same number.
    """
    for unit in ("bytes", "KB", "MB", "GB"):
        if round(count, 1) < 1000:  # noqa: PLR2004 - factor between units
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
