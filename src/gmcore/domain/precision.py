"""The dtype of matrix products."""

from gmcore.errors import BackendUnavailableError

__all__ = ["compute_dtype"]

_NARROW = ("bfloat16", "float16")


def compute_dtype(dtype: str, compute: str) -> str:
    """Return the dtype in which a backend of `dtype` multiplies matrices; `"auto"` means `dtype` itself.

    Raises:
        BackendUnavailableError: if `compute` is neither `dtype` nor, with float32, a narrower float.
    """
    if compute in ("auto", dtype):
        return dtype
    if dtype == "float64":
        raise BackendUnavailableError(
            f"a float64 backend multiplies matrices in float64, not in {compute}: remove that setting, or use float32"
        )
    if compute not in _NARROW:
        raise BackendUnavailableError(
            f"a {dtype} backend multiplies matrices in {dtype}, {' or '.join(_NARROW)}, not in {compute}"
        )
    return compute
