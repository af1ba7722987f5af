"""The port `Namespace`, implemented with MLX: its functions, and rules where MLX's own are missing or wrong."""

from gm_metal_backend.namespace.mlx_namespace import MLXNamespace

__all__ = ["MLXNamespace"]
