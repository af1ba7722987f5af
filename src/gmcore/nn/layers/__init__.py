"""Layers that models are built from: frozen settings, explicit variables."""

from gmcore.nn.layers.abilities import changes_buffers, needs_key
from gmcore.nn.layers.activations import (
    ELU,
    GELU,
    Activation,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from gmcore.nn.layers.blocks import Blocks
from gmcore.nn.layers.concatenate import Concatenate
from gmcore.nn.layers.dense import Dense
from gmcore.nn.layers.dropout import Dropout
from gmcore.nn.layers.embedding import Embedding
from gmcore.nn.layers.sequential import Sequential

__all__ = [
    "ELU",
    "GELU",
    "Activation",
    "Blocks",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "LeakyReLU",
    "Mish",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "changes_buffers",
    "needs_key",
]
