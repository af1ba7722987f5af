"""The errors by which MLX says that memory ran out."""

__all__ = ["is_about_memory"]

_TEXTS = (
    "[malloc] Unable to allocate",  # Metal and CUDA, from MLX's own allocators
    "[metal::malloc]",  # more than the largest buffer, or too many buffers
    "Insufficient Memory",  # Metal, for work that was enqueued before
    "failed: out of memory",  # a call of CUDA, such as cudaMallocAsync or the launch of a graph
)


def is_about_memory(error: Exception) -> bool:
    """Return whether an allocation failed on a GPU. On a CPU, MLX does not check its allocations: the process ends."""
    return type(error) is RuntimeError and any(text in str(error) for text in _TEXTS)
