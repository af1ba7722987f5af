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
from gmcore.nn.layers.batch_norm import BatchNorm
from gmcore.nn.layers.blocks import Blocks
from gmcore.nn.layers.concatenate import Concatenate
from gmcore.nn.layers.dense import Dense
from gmcore.nn.layers.dropout import Dropout
from gmcore.nn.layers.embedding import Embedding
from gmcore.nn.layers.frozen import Frozen
from gmcore.nn.layers.gru import GRU
from gmcore.nn.layers.sequential import Sequential
from gmcore.nn.layers.spatial import AvgPool2d, Conv2d, Flatten, MaxPool2d, Reshape

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "Activation",
    "AvgPool2d",
    "BatchNorm",
    "Blocks",
    "Concatenate",
    "Conv2d",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "Frozen",
    "LeakyReLU",
    "MaxPool2d",
    "Mish",
    "ReLU",
    "Reshape",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "changes_buffers",
    "needs_key",
]
