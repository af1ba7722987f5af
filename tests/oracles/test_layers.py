"""Layers with weights give the values and gradients of torch; what other layers are compared with is listed."""

import numpy as np
import pytest

import gmcore
from gmcore.domain import Variables
from gmcore.nn.initialization import INITIALIZATIONS
from gmcore.nn.layers import Activation, Dense, Dropout, Embedding

pytestmark = pytest.mark.oracle

REGISTRY = gmcore.float64.layers
HERE = {"dense", "dropout", "embedding"}
ELSEWHERE = {
    "concatenate": "no formula of its own; a part of the models in test_training.py",
    "date_parts": "Python's own calendar, in tests/nn/preprocessing/test_date_parts.py",
    "impute": "scikit-learn, in tests/nn/preprocessing/test_impute.py",
    "one_hot": "scikit-learn, in tests/nn/preprocessing/test_one_hot.py",
    "sequential": "no formula of its own; a part of the models in test_training.py",
    "standardize": "scikit-learn, in tests/nn/preprocessing/test_standardize.py",
}

RNG = np.random.default_rng(0)
CATEGORIES, SIZE = (3, 5), 4
CODES = np.stack([RNG.integers(0, count + 1, 30) for count in CATEGORIES], axis=1).astype(np.int32)
CLOSE = {"rtol": 1e-12, "atol": 1e-14}


def gradients_of(backend, layer, params, buffers, inputs, scales):
    """Return the outputs, and the gradient of their sum weighted by `scales`, by the parameters."""

    def total(params, buffers, inputs, scales):
        outputs, _ = layer.apply(Variables(params, buffers), inputs, xp=backend.xp, key=None, training=True)
        return backend.xp.sum(scales * outputs), outputs

    arguments = backend.asarray((params, buffers, inputs, scales))
    (_, outputs), gradients = backend.to_numpy(backend.value_and_grad(total)(*arguments))
    return outputs, gradients


def test_every_layer_is_compared_here_or_elsewhere():
    activations = {name for name, make in REGISTRY.items() if isinstance(make, type) and issubclass(make, Activation)}
    missing = sorted(set(REGISTRY) - activations - HERE - set(ELSEWHERE))
    assert not missing, f"no test compares the layer {', '.join(missing)} with another library: add one to this file"


@pytest.mark.parametrize("shape", [(7,), (5, 7)], ids=str)
def test_a_dense_layer_is_torchs_linear_layer(torch, double, shape):
    layer, inputs, scales = Dense(3), RNG.normal(size=(11, *shape)), RNG.normal(size=(11, *shape[:-1], 3))
    params = layer.init(np.random.default_rng(1), shape).params
    weight, bias, x = (torch.tensor(leaf, requires_grad=True) for leaf in (params["weight"], params["bias"], inputs))
    outputs = torch.nn.functional.linear(x, weight.T, bias)
    (outputs * torch.tensor(scales)).sum().backward()
    found, slopes = gradients_of(double, layer, params, {}, inputs, scales)
    np.testing.assert_allclose(found, outputs.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(slopes["weight"], weight.grad.numpy(), **CLOSE)
    np.testing.assert_allclose(slopes["bias"], bias.grad.numpy(), **CLOSE)


def test_an_embedding_is_torchs_of_each_column_side_by_side(torch, double):
    layer, scales = Embedding(CATEGORIES, SIZE), RNG.normal(size=(30, SIZE * len(CATEGORIES)))
    variables = layer.init(np.random.default_rng(1), (len(CATEGORIES),))
    weight = torch.tensor(variables.params["weight"], requires_grad=True)
    tables = weight.split([count + 1 for count in CATEGORIES])
    columns = torch.tensor(CODES).long().T
    vectors = [torch.nn.functional.embedding(codes, table) for codes, table in zip(columns, tables, strict=True)]
    outputs = torch.cat(vectors, dim=1)
    (outputs * torch.tensor(scales)).sum().backward()
    found, slopes = gradients_of(double, layer, variables.params, variables.buffers, CODES, scales)
    np.testing.assert_array_equal(found, outputs.detach().numpy())
    np.testing.assert_allclose(slopes["weight"], weight.grad.numpy(), **CLOSE)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_gives_the_numbers_of_torch_in_the_same_shares(torch, double, rate):
    torch.manual_seed(0)
    rows = np.full((400, 100), 3.0)
    theirs = torch.nn.functional.dropout(torch.tensor(rows), rate, training=True).numpy()
    key = double.asarray(np.array([1, 2], np.uint32))
    drop = double.compile(
        lambda buffers, x, key: Dropout(rate).apply(Variables({}, buffers), x, xp=double.xp, key=key, training=True)[0]
    )
    ours = double.to_numpy(drop(double.asarray({"rate": np.array(rate)}), double.asarray(rows), key))
    assert np.unique(ours) == pytest.approx(np.unique(theirs), rel=1e-15)
    for found in (ours, theirs):
        assert (found == 0).mean() == pytest.approx(rate, abs=0.0125)  # 5 deviations of 40,000 draws
        assert found.mean() == pytest.approx(3.0, rel=5 * np.sqrt(rate / (1 - rate) / rows.size))


def test_the_initialization_torch_draws_from_the_ranges_of_torchs_linear_layer(torch):
    torch.manual_seed(0)
    layer = torch.nn.Linear(300, 40_000)
    drawn = INITIALIZATIONS["torch"](np.random.default_rng(0), 300, 40_000)
    for ours, theirs in zip(drawn, (layer.weight, layer.bias), strict=True):
        values = theirs.detach().numpy()
        assert np.abs(ours).max() == pytest.approx(np.abs(values).max(), rel=0.001)
        assert ours.std() == pytest.approx(values.std(), rel=0.02)
