"""Models are measured without memory for their weights."""

import tracemalloc

import numpy as np
import pytest

from gmcore.errors import ConfigError
from gmcore.nn import summarize
from gmcore.nn.initialization import INITIALIZATIONS
from gmcore.nn.layers import Dense, Embedding, Sequential
from gmcore.nn.sizing import SizingGenerator


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_a_layer_of_any_size_is_measured_without_its_memory(initialization):
    tracemalloc.start()
    (line,) = summarize(Dense(200_000, initialization=initialization), (200_000,))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert line.parameters == 200_000**2 + 200_000
    assert peak < 20 * 2**20  # the bias has 1.6 MB


def test_shapes_and_dtypes_are_those_of_init():
    net = Sequential([Dense(300), Dense(500), Dense(2)])
    real, sized = (net.init(rng, (400,)).params for rng in (np.random.default_rng(0), SizingGenerator()))
    for name in real:
        for part in real[name]:
            assert real[name][part].shape == sized[name][part].shape
            assert real[name][part].dtype == sized[name][part].dtype


def test_an_array_without_memory_stays_so_in_elementwise_functions():
    large = SizingGenerator().standard_normal((1 << 20, 1 << 20))
    for made in (large * 2, 1 - large, np.sqrt(large), large.astype(np.float32), large.copy(), large + large[:, :1]):
        assert made.shape == (1 << 20, 1 << 20)
        assert made.strides == (0, 0)
    large *= 3
    large[0] = 1.0
    assert large.shape == (1 << 20, 1 << 20)


def test_a_vocabulary_of_any_size_is_measured():
    (line,) = summarize(Embedding((1_000_000,), 4_000), (1,))
    assert line.parameters == 1_000_001 * 4_000


def test_a_layer_larger_than_any_memory_is_named():
    with pytest.raises(ConfigError, match=r"the layer head, Dense\(.*\), is too large"):
        list(summarize(Dense(10**12), (10**12,), "head"))
