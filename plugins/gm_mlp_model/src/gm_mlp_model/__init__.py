"""The gmcore model provider of multi-layer perceptrons."""

from gm_mlp_model.provider import MLPProvider

__all__ = ["MLPProvider"]
