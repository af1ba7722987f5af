"""NumPy arrays before they are sent to the device, and when they come from it."""

import numpy as np

from gmcore.domain import Array

__all__ = ["copied", "host_array"]

_INT32 = np.iinfo(np.int32)


def host_array(given: object, of_floats: str) -> np.ndarray:
    """Return a NumPy array in the dtype it will have on the device."""
    host = np.asarray(given)
    if host.dtype.kind == "f":
        with np.errstate(over="ignore"):  # it becomes infinite, and training reports the step that fails
            return host.astype(of_floats, order="C", copy=False)
    if host.dtype.kind == "b" or host.dtype == np.uint32:
        return np.asarray(host, order="C")
    if host.dtype.kind not in "iu":
        raise TypeError(f"arrays must hold floats, integers or booleans, got dtype {host.dtype}")
    if host.itemsize >= 4 and host.size and not _INT32.min <= host.min() <= host.max() <= _INT32.max:  # noqa: PLR2004 - bytes
        raise OverflowError(f"integers must fit int32, got values from {host.min()} to {host.max()}")
    return host.astype(np.int32, order="C", copy=False)


def copied(array: Array) -> np.ndarray:
    """Return a NumPy copy of an MLX array."""
    # On CUDA an empty array has no memory, which NumPy would try to read.
    return np.array(array) if array.size else np.empty(array.shape, str(array.dtype).removeprefix("mlx.core."))
