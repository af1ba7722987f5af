"""What is not a layer is refused when a container is made, with its place."""

import re

import pytest

from gmcore.nn.layers import Concatenate, Dense, Sequential

DENSE = Dense(3)
REFUSED = {
    "a number": (lambda: Sequential([DENSE, 1]), "layers['1'] of Sequential must be a layer object, got 1"),
    "a class": (
        lambda: Sequential({"head": Dense}),
        "layers['head'] of Sequential must be a layer object, got Dense: create an object, Dense(...)",
    ),
    "a list in a list": (lambda: Sequential([[DENSE]]), "layers['0'] of Sequential must be a layer object, got [Dense"),
    "a container's child": (
        lambda: Sequential([Concatenate({"numeric": "dense"})]),
        "branches['numeric'] of Concatenate must be a layer object, got 'dense'",
    ),
    "one layer": (lambda: Sequential(DENSE), "a list of layers, or layers by name, got Dense(out_features=3"),
    "text": (lambda: Sequential("dense"), "a list of layers, or layers by name, got 'dense'"),
    "a list of branches": (lambda: Concatenate([DENSE]), "branches of Concatenate must be layers by name, got [Dense"),
    "a number as a name": (lambda: Sequential({1: DENSE}), "must have names that are text without dots, got 1"),
    "a name with a dot": (lambda: Concatenate({"a.b": DENSE}), "must have names that are text without dots, got 'a.b'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_layer_is_refused_with_its_place(name):
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
