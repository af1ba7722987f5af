"""Which dtype matrices are multiplied in."""

from gmcore.errors import BackendUnavailableError

__all__ = ["compute_dtype"]

_NARROW = ("bfloat16", "float16")


def compute_dtype(dtype: str, compute: str) -> str:
    """Return what a backend of `dtype` multiplies matrices in; `"auto"` is `dtype` itself.

    Raises:
        BackendUnavailableError: for what is neither `dtype` nor, with float32, narrower.
    """
    if compute in ("auto", dtype):
        return dtype
    if dtype == "float64":
        raise BackendUnavailableError(
            f"float64 is exact, so its matrices can't be multiplied in {compute}: leave that away, or use float32"
        )
    if compute not in _NARROW:
        raise BackendUnavailableError(
            f"matrices of {dtype} can be multiplied in {dtype}, {' or '.join(_NARROW)}, not in {compute}"
        )
    return compute
