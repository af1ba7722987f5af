"""Every registered layer keeps the contract, with inputs that it is made for."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.nn.layers import (
    GRU,
    Activation,
    BatchNorm,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Frozen,
    ReLU,
    Sequential,
)
from gmcore.nn.layers.spatial import AvgPool2d, Conv2d, Flatten, MaxPool2d, Reshape
from gmcore.nn.preprocessing import DateParts, Impute, OneHot, ScaleTarget, Standardize
from gmcore.ports import Layer, SupportsAdapt, SupportsInverse, SupportsUpdate
from gmcore.testing.layer import LayerContract

REGISTRY = gmcore.float64.layers
RNG = np.random.default_rng(7)
NUMBERS = RNG.normal(size=(13, 4)) * [1.0, 30.0, 0.1, 5.0] + [0.0, 100.0, 0.0, -5.0]
SMALL = RNG.normal(size=(13, 4))
STEPS = RNG.normal(size=(13, 5, 3))
HOLES = np.where(RNG.random((13, 4)) < 0.3, np.nan, NUMBERS)
CODES = RNG.integers(0, [3, 5], (13, 2)).astype(np.int32)
DATES = np.stack([RNG.integers(10_000, 20_000, (13, 2)), RNG.integers(0, 86_400, (13, 2))], axis=-1).astype(np.int32)
IMAGES = RNG.normal(size=(13, 6, 4, 2))
BOTH = {"numeric": HOLES, "categorical": CODES}


class OnTheReference(LayerContract):
    """The contract without the checks that compile, which take longer, for layers that a larger one contains."""

    test_gradients_equal_central_differences = None
    test_a_member_of_a_fleet_gives_the_same_as_alone = None
    test_a_members_bits_do_not_depend_on_its_chunk = None

    def backends(self, dtype, compute="auto"):
        """Yield the backend that runs uncompiled."""
        return (backend for backend in super().backends(dtype, compute) if backend.name == "metal")


@attrs.frozen
class Case:
    """A layer to check, its inputs, and its abilities."""

    layer: Callable[[], Layer]
    inputs: Mapping[str, Any]
    abilities: tuple[type, ...] = ()
    suite: type[LayerContract] = LayerContract


def base():
    layer = Sequential([Dense(6), BatchNorm(), Dropout(0.5), ReLU()])
    return Frozen(layer, layer.init(np.random.default_rng(1), (4,)))


def convolutions():
    return Sequential([Conv2d(4, (3, 2), stride=(1, 2), padding=(1, 1)), MaxPool2d(2, stride=1), Flatten(), Dense(2)])


def branches():
    return {"numeric": Sequential([Impute(), Standardize(), Dense(3)]), "categorical": OneHot((2, 4))}


CONTAINER = (SupportsAdapt, SupportsUpdate)
CASES = {
    "avg_pool2d": Case(
        lambda: AvgPool2d((3, 2), padding=(1, 0), include_padding=False), {"images": IMAGES}, (), OnTheReference
    ),
    "batch_norm": Case(BatchNorm, {"columns": NUMBERS, "time steps": STEPS}, (SupportsUpdate,)),
    "concatenate": Case(lambda: Concatenate(branches()), {"both": BOTH}, CONTAINER),
    "conv2d": Case(lambda: Conv2d(4, (3, 2), dilation=(1, 2), groups=2), {"images": IMAGES}, (), OnTheReference),
    "convolutions": Case(convolutions, {"images": IMAGES}, CONTAINER),
    "date_parts": Case(DateParts, {"dates": DATES}, (SupportsAdapt,)),
    "dense": Case(lambda: Dense(3), {"columns": SMALL, "time steps": STEPS}),
    "dropout": Case(lambda: Dropout(0.5), {"columns": SMALL}),
    "embedding": Case(lambda: Embedding((2, 4), 3), {"codes": CODES}, (SupportsAdapt,)),
    "flatten": Case(Flatten, {"images": IMAGES, "columns": NUMBERS}, (), OnTheReference),
    "reshape": Case(lambda: Reshape((math.prod(IMAGES.shape[1:]), 1)), {"images": IMAGES}, (), OnTheReference),
    "gru": Case(lambda: GRU(4), {"time steps": STEPS}),
    "gru, every step": Case(lambda: GRU(4, return_sequences=True), {"time steps": STEPS}, (), OnTheReference),
    "impute": Case(Impute, {"with holes": HOLES}, (SupportsAdapt,)),
    "impute, median": Case(lambda: Impute(strategy="median"), {"with holes": HOLES}, (SupportsAdapt,), OnTheReference),
    "max_pool2d": Case(lambda: MaxPool2d(2, stride=(1, 3), padding=1), {"images": IMAGES}, (), OnTheReference),
    "one_hot": Case(lambda: OneHot((2, 4)), {"codes": CODES}, (SupportsAdapt,)),
    "scale_target": Case(ScaleTarget, {"columns": NUMBERS}, (SupportsAdapt, SupportsInverse)),
    "sequential": Case(
        lambda: Sequential([Standardize(), Dense(5), BatchNorm(), ReLU()]), {"columns": NUMBERS}, CONTAINER
    ),
    "sequential, random": Case(
        lambda: Sequential([Dropout(0.3), BatchNorm()]), {"columns": SMALL}, CONTAINER, OnTheReference
    ),
    "standardize": Case(Standardize, {"columns": NUMBERS}, (SupportsAdapt,)),
    "frozen base": Case(base, {"columns": SMALL}),
}


def activations():
    return {
        name: make for name in REGISTRY if isinstance(make := REGISTRY[name], type) and issubclass(make, Activation)
    }


def together():
    """Return a case of all activations, side by side in one program."""
    layer = lambda: Concatenate({name: make() for name, make in activations().items()})
    return Case(layer, {"columns": dict.fromkeys(activations(), SMALL)}, CONTAINER)


def contract(name, case):
    methods = {"layer": lambda _: case.layer(), "cases": lambda _: case.inputs, "abilities": case.abilities}
    return type(f"Test {name}", (case.suite,), methods)


# Other cases contain these, so that compiling them alone is for `make slow`.
CONTAINED = ("dense", "one_hot", "impute", "standardize")
ALL = {
    **CASES,
    **{name: attrs.evolve(CASES[name], suite=OnTheReference) for name in CONTAINED},
    **{name: Case(make, {"columns": SMALL}, suite=OnTheReference) for name, make in activations().items()},
    "activations": together(),
}
globals().update({f"Test {name}": contract(name, case) for name, case in ALL.items()})
globals().update({f"Test {name} alone": pytest.mark.slow(contract(f"{name} alone", CASES[name])) for name in CONTAINED})


def test_every_registered_layer_has_a_case():
    missing = sorted(set(REGISTRY) - ALL.keys())
    assert not missing, f"no case checks the layer {', '.join(missing)}: add one to this file"
