"""What happens before a compiled program is called, and while it is traced."""

import threading
import warnings
from collections.abc import Callable

import numpy as np

from gmcore.domain import Array

__all__ = ["Tracing", "converting", "device_dtype", "host_copy", "with_lengths", "without_donation_warning"]

Program = Callable[..., Array]


class Tracing(threading.local):
    """Whether this thread is tracing a function."""

    now = False


def device_dtype(dtype: np.dtype, of_floats: str) -> str:
    """Return the dtype on the device of a NumPy array."""
    known = {"f": of_floats, "i": "int32", "u": "uint32" if dtype == np.uint32 else "int32", "b": "bool"}
    if dtype.kind not in known:
        raise TypeError(f"arrays must hold floats, integers or booleans, got dtype {dtype}")
    return known[dtype.kind]


def host_copy(leaf: Array, of_floats: str) -> np.ndarray:
    """Return a copy in the dtype it will have on the device.

    A copy is needed because a transfer may still be running, or may share the memory, when the caller changes the
    array.
    """
    host = np.asarray(leaf)
    with np.errstate(over="ignore"):  # it becomes infinite, and training reports the step that fails
        return host.astype(device_dtype(host.dtype, of_floats), copy=True)


def converting(
    program: Program, placed: Callable[[tuple[Array, ...]], tuple[Array, ...]], known: tuple[int, ...]
) -> Program:
    """Return `program` for arguments that may be on the host: all but the `known` ones go through `placed`."""

    def call(*args: Array) -> Array:
        arrays = placed(tuple(None if place in known else arg for place, arg in enumerate(args)))
        return program(*(args[place] if place in known else arg for place, arg in enumerate(arrays)))

    return call if known else lambda *args: program(*placed(args))


def with_lengths(program: Program, lengths: tuple[int, ...], on_device: Callable[[int | None], Array]) -> Program:
    """Return `program`, which takes arrays, for Python integers at the positions `lengths`."""
    if not lengths:
        return program
    return lambda *args: program(*(on_device(arg) if place in lengths else arg for place, arg in enumerate(args)))


def without_donation_warning(compiled: Program, donate: tuple[int, ...]) -> Program:
    """Return `compiled` without the warning about donated memory that fits no result, which is not an error here."""
    if not donate:
        return compiled

    def call(*args: Array) -> Array:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Some donated buffers were not usable")
            return compiled(*args)

    return call
