"""One array as a `.npy` file that is written some rows at a time."""

import hashlib
from io import FileIO
from pathlib import Path

import attrs
import numpy as np
from numpy.lib import format as npy

from gmcore.storage.files import make_durable

__all__ = ["ArrayFile", "rows_sha256"]

_HASHED_AT_ONCE = 1 << 22


@attrs.define(eq=False)
class ArrayFile:
    """A `.npy` file that grows; `numpy.load` reads it when it is closed.

    Attributes:
        path: where.
    """

    path: Path
    _file: FileIO = attrs.field(init=False)
    _shape: tuple[int, ...] = attrs.field(init=False, default=())
    _dtype: np.dtype[np.generic] | None = attrs.field(init=False, default=None)
    _digest: "hashlib._Hash" = attrs.field(init=False, factory=hashlib.sha256)

    @_file.default
    def _open(self) -> FileIO:
        return self.path.open("wb", buffering=0)

    def append(self, rows: np.ndarray) -> None:
        """Add rows, all of one dtype and shape.

        Raises:
            ValueError: if they are not like the ones before, or no plain numbers, texts or instants.
        """
        if self._dtype is None:
            if rows.dtype.hasobject:
                raise ValueError(f"an array file has numbers, texts or instants, got {rows.dtype}")
            self._dtype, self._shape = rows.dtype, (0, *rows.shape[1:])
            self._write_header()
        if (rows.dtype, rows.shape[1:]) != (self._dtype, self._shape[1:]):
            raise ValueError(
                f"rows must be {self._dtype}{list(self._shape[1:])} as the ones before, "
                f"got {rows.dtype}{list(rows.shape[1:])}"
            )
        left = _bytes(rows)
        self._digest.update(left)
        while left:
            left = left[self._file.write(left) :]
        self._shape = (self._shape[0] + len(rows), *self._shape[1:])

    def close(self) -> dict[str, object]:
        """Finish the file and return its dtype, shape and the hash of its rows; it survives a power cut then."""
        if self._dtype is None:
            raise ValueError(f"nothing was written to {self.path}")
        self._file.seek(0)
        self._write_header()
        self._file.close()
        make_durable(self.path)
        return {"dtype": self._dtype.str, "shape": list(self._shape), "sha256": self._digest.hexdigest()}

    def abandon(self) -> None:
        """Let go of a file that is not to be finished."""
        self._file.close()

    def _write_header(self) -> None:
        assert self._dtype is not None  # noqa: S101 - the callers saw to it
        told = {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": self._shape}
        # NumPy leaves room in a header for the first axis to grow.
        npy.write_array_header_1_0(self._file, told)


def rows_sha256(array: np.ndarray) -> str:
    """Return the hash that `ArrayFile.close` returns for these rows, going through them block by block."""
    digest = hashlib.sha256()
    step = max(1, _HASHED_AT_ONCE // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        digest.update(_bytes(array[start : start + step]))
    return digest.hexdigest()


def _bytes(rows: np.ndarray) -> memoryview:
    return np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
