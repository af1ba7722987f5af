"""gmcore backend: MLX on Metal, CUDA and CPU."""

from gm_metal_backend.backend import MetalBackend

__all__ = ["MetalBackend"]
