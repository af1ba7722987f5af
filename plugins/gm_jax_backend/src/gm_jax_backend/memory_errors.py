"""The errors by which XLA says that memory ran out."""

import jax

__all__ = ["is_about_memory"]


def is_about_memory(error: Exception) -> bool:
    """Return whether an allocation failed, on the host or the device.

    The text of such an error begins with a status: RESOURCE_EXHAUSTED, or INTERNAL for a program that waited for
    another one, and for an error of the CUDA driver.
    """
    text = str(error)
    known = "RESOURCE_EXHAUSTED" in text or "out of memory" in text.lower() or "OUT_OF_MEMORY" in text
    return isinstance(error, jax.errors.JaxRuntimeError) and known
