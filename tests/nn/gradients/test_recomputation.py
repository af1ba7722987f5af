import attrs
import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.domain.tree import tree_flatten, tree_map
from gmcore.nn.gradients import Backpropagation, Recomputation
from gmcore.nn.layers import BatchNorm, Concatenate, Dense, Dropout, ReLU, Sequential
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Pass

BLOCKS = [layer for _ in range(3) for layer in (Dense(4), BatchNorm(), ReLU(), Dropout(0.3))]
NET = Sequential({"in": Concatenate({"x": Dense(4)}), "trunk": Sequential(BLOCKS), "head": Dense(1)})
SHAPE = {"x": (3,)}


@pytest.mark.parametrize("dtype", ["float64"])
def test_numbers_are_those_of_backpropagation_with_dropout_and_batch_statistics(backend_class, dtype):
    """Of a fleet of two, with one row of weight 0; to the bit on MLX, while XLA compiles another program."""
    backend = backend_class(dtype=dtype, device="cpu")
    xp, rng = backend.xp, np.random.default_rng(0)
    stacked = [NET.init(np.random.default_rng(seed), SHAPE) for seed in range(2)]
    params, buffers = (
        tree_map(lambda *leaves: np.stack(leaves), *(getattr(one, name) for one in stacked))
        for name in ("params", "buffers")
    )
    batch = {
        "inputs": {"x": rng.normal(size=(2, 8, 3))},
        "weights": np.ones((2, 8)) - (np.arange(8) == 5),
        "key": np.array([[1, 2], [3, 4]], np.uint32),
    }

    def results(strategy):
        def member(params, buffers, batch):
            plain = Pass(xp=xp, weights=batch["weights"], key=batch["key"], training=True)
            at = strategy.training_pass(plain, backend=backend)
            outputs, after = NET.update(Variables(params, buffers), batch["inputs"], at)
            return xp.sum(xp.square(outputs[:, 0]) * batch["weights"]), after

        def loss(params, buffers, batch):
            losses, after = backend.vmap(member)(params, buffers, batch)
            return xp.sum(losses), (losses, after)

        compute = lambda *given: strategy.gradient(loss, *given, backend=backend)
        (_, (losses, after)), slopes = backend.to_numpy(
            backend.compile(compute, loops=True)(*backend.asarray((params, buffers, batch)))
        )
        return tree_flatten({"losses": losses, "buffers": after, "slopes": slopes})

    kept, again = results(Backpropagation()), results(Recomputation())
    assert kept.keys() == again.keys()
    assert any(not np.array_equal(leaf, tree_flatten({"buffers": buffers}).get(name)) for name, leaf in kept.items())
    for name, leaf in kept.items():
        np.testing.assert_allclose(again[name], leaf, rtol=1e-12, atol=1e-12, err_msg=name)


class Counted:
    """A `checkpoint` that notes the layers of each block."""

    def __init__(self):
        self.blocks = []

    def __call__(self, fn):
        def block(params, buffers, shared, given, inputs):
            self.blocks.append(sorted({*params, *buffers}))
            return fn(params, buffers, shared, given, inputs)

        return block


def blocks_of(net, rows):
    counted = Counted()
    at = Pass(xp=NumPyNamespace("float64"), weights=np.ones(len(rows)), training=True)
    variables = net.init(np.random.default_rng(0), rows.shape[1:])
    expected, _ = net.update(variables, rows, at)
    found, _ = net.update(variables, rows, attrs.evolve(at, checkpoint=counted))
    assert np.array_equal(found, expected)
    return counted.blocks


def test_a_sequence_is_cut_into_blocks_of_the_root_of_its_layers():
    assert [len(block) for block in blocks_of(Sequential([Dense(2)] * 16), np.ones((2, 2)))] == [4] * 4
    assert [len(block) for block in blocks_of(Sequential([Dense(2)] * 11), np.ones((2, 2)))] == [3, 3, 3, 2]


def test_a_long_sequence_inside_another_is_cut_and_a_short_one_is_not():
    long = Sequential({"a": Dense(2), "long": Sequential([Dense(2)] * 9), "b": Dense(2)})
    assert blocks_of(long, np.ones((2, 2))) == [["a"], ["0", "1", "2"], ["3", "4", "5"], ["6", "7", "8"], ["b"]]
    short = Sequential([Sequential([Dense(2)] * 2)] * 8)
    assert blocks_of(short, np.ones((2, 2))) == [["0", "1"], ["2", "3"], ["4", "5"], ["6", "7"]]


def test_a_single_layer_is_not_computed_again():
    assert blocks_of(Sequential([Dense(2)]), np.ones((2, 2))) == []
