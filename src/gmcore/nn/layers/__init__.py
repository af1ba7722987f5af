"""What models are built from: frozen layers over explicit variables."""

from collections.abc import Mapping
from types import MappingProxyType

from gmcore.nn.layers.blocks import Blocks
from gmcore.nn.layers.concatenate import Concatenate
from gmcore.nn.layers.dense import Dense
from gmcore.nn.layers.dropout import Dropout
from gmcore.nn.layers.elu import ELU
from gmcore.nn.layers.embedding import Embedding
from gmcore.nn.layers.gelu import GELU
from gmcore.nn.layers.leaky_relu import LeakyReLU
from gmcore.nn.layers.relu import ReLU
from gmcore.nn.layers.sequential import Sequential
from gmcore.nn.layers.sigmoid import Sigmoid
from gmcore.nn.layers.silu import SiLU
from gmcore.nn.layers.softmax import Softmax
from gmcore.nn.layers.tanh import Tanh
from gmcore.ports import Layer

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "Blocks",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "LeakyReLU",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
]

ACTIVATIONS: Mapping[str, type[Layer]] = MappingProxyType(
    {
        "relu": ReLU,
        "leaky_relu": LeakyReLU,
        "elu": ELU,
        "gelu": GELU,
        "silu": SiLU,
        "tanh": Tanh,
        "sigmoid": Sigmoid,
        "softmax": Softmax,
    }
)
"""What a run file calls them."""
