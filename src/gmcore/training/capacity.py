"""How far arrays are padded, so that runs with other numbers of rows share their compiled programs.

A library that compiles for shapes, such as JAX, compiles a program in a second or more. So the axes whose size follows
from the number of rows are padded to one of few sizes. Padding rows are never read and padding steps never computed:
padding costs the memory that it takes, and the time to send it.
"""

import numpy as np

from gmcore.domain import Array

__all__ = ["capacity", "padded"]

# Bytes of padding that are sent in less than a millisecond.
_FREE = 1 << 20
# Arrays of more bytes are not padded: what they are computed with takes much longer than compiling.
_MOST = 64 << 20


def capacity(count: int, *, size: int, least: int) -> int:
    """Return to how many entries `count` entries are padded.

    The result is a multiple of `least`, a power of two, or of a smaller power of two if `least` entries take more than
    a mebibyte. From four times that number on it is `m * 2**k` with `m` from 4 to 7, which is less than a quarter more
    than `count`. Arrays of more than 64 MiB are not padded.

    Args:
        count: number of entries, at least 1.
        size: bytes of an entry.
        least: the multiple for small numbers.
    """
    quarter = 1 << max(0, count.bit_length() - 3)
    free = 1 << max(0, (_FREE // max(1, size)).bit_length() - 1)
    unit = max(quarter, min(least, free))
    enough = -(-count // unit) * unit
    return count if enough * size > _MOST else enough


def padded(array: Array, count: int) -> np.ndarray:
    """Return a NumPy array with zeros after its entries, `(count, …)`; read-only if `array` is."""
    if len(array) == count:
        return array  # type: ignore[no-any-return]
    whole = np.zeros((count, *array.shape[1:]), array.dtype)
    whole[: len(array)] = array
    whole.flags.writeable = array.flags.writeable
    return whole
