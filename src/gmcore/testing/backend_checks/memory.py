"""Contract of the errors by which a backend says that memory ran out."""

# ruff: noqa: S101 - these are checks

import numpy as np

from gmcore.errors import TrainingError
from gmcore.ports import Backend

__all__ = ["assert_knows_memory_errors"]


def assert_knows_memory_errors(backend: Backend) -> None:
    """Check that errors of Python and NumPy about memory are known, and that others are not taken for such.

    What the library itself raises is up to the tests of its backend: to run out of memory may end the process.
    """
    assert backend.is_out_of_memory(MemoryError())
    assert backend.is_out_of_memory(_error_of_numpy())
    others = (ValueError("out of memory"), TypeError(), RuntimeError("failed"), TrainingError("cpu ran out of memory"))
    assert not any(map(backend.is_out_of_memory, others))


def _error_of_numpy() -> MemoryError:
    try:
        np.empty(1 << 60, np.uint8)  # more than a processor can address
    except MemoryError as error:
        return error
    raise AssertionError("an exbibyte was allocated")
