"""A `.npy` file that grows by blocks of rows."""

import hashlib
import io
import os
from pathlib import Path

import attrs
import numpy as np
from numpy.lib import format as npy

from gmcore.storage.files import make_durable, write_all

__all__ = ["ArrayFile", "rows_sha256"]

_BYTES_PER_UPDATE = 1 << 22


@attrs.define(eq=False)
class ArrayFile:
    """A `.npy` file that rows are appended to; `numpy.load` reads it once it is closed.

    Attributes:
        path: the file, which is created.
    """

    path: Path
    _handle: int | None = attrs.field(init=False)
    _shape: tuple[int, ...] = attrs.field(init=False, default=())
    _dtype: np.dtype[np.generic] | None = attrs.field(init=False, default=None)
    _digest: "hashlib._Hash" = attrs.field(init=False, factory=hashlib.sha256)

    @_handle.default
    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)

    def append(self, rows: np.ndarray) -> None:
        """Append rows; all calls must pass the same dtype and row shape.

        Raises:
            ValueError: if dtype or row shape differ from the first call's, or the dtype is `object`.
        """
        if self._dtype is None:
            if rows.dtype.hasobject:
                raise ValueError(f"an array file can hold numbers, strings or dates, got dtype {rows.dtype}")
            self._dtype, self._shape = rows.dtype, (0, *rows.shape[1:])
            self._write_header()
        if (rows.dtype, rows.shape[1:]) != (self._dtype, self._shape[1:]):
            raise ValueError(
                f"all rows must be {self._dtype}{list(self._shape[1:])}, like the first ones, "
                f"got {rows.dtype}{list(rows.shape[1:])}"
            )
        content = _bytes(rows)
        self._digest.update(content)
        self._write(content)
        self._shape = (self._shape[0] + len(rows), *self._shape[1:])

    def close(self) -> dict[str, object]:
        """Finish the file, make it durable, and return its dtype, its shape and the SHA-256 of its rows."""
        if self._dtype is None:
            raise ValueError(f"no rows were written to {self.path}")
        assert self._handle is not None  # noqa: S101 - it is closed once
        os.lseek(self._handle, 0, os.SEEK_SET)
        self._write_header()
        self.abandon()
        make_durable(self.path)
        return {"dtype": self._dtype.str, "shape": list(self._shape), "sha256": self._digest.hexdigest()}

    def abandon(self) -> None:
        """Close the file without finishing it; do nothing if it is closed."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _write_header(self) -> None:
        assert self._dtype is not None  # noqa: S101 - the callers checked
        header = {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": self._shape}
        text = io.BytesIO()
        # NumPy pads the header so that the first axis can grow in place.
        npy.write_array_header_1_0(text, header)
        self._write(text.getvalue())

    def _write(self, content: bytes | memoryview) -> None:
        assert self._handle is not None  # noqa: S101 - nothing is written to a closed file
        write_all(self._handle, content)


def rows_sha256(array: np.ndarray) -> str:
    """Return the SHA-256 that `ArrayFile.close` returns for these rows, reading them block by block."""
    digest = hashlib.sha256()
    step = max(1, _BYTES_PER_UPDATE // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        digest.update(_bytes(array[start : start + step]))
    return digest.hexdigest()


def _bytes(rows: np.ndarray) -> memoryview:
    return np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
