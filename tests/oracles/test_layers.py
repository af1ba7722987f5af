"""Layers with weights give the values and gradients of torch; what other layers are compared with is listed."""

import numpy as np
import pytest

import gmcore
from gmcore.domain import Variables
from gmcore.nn.initialization import INITIALIZATIONS
from gmcore.nn.layers import GRU, Activation, BatchNorm, Dense, Dropout, Embedding
from gmcore.ports import Pass

pytestmark = pytest.mark.oracle

REGISTRY = gmcore.float64.layers
HERE = {"batch_norm", "dense", "dropout", "embedding", "gru"}
ELSEWHERE = {
    **dict.fromkeys(("avg_pool2d", "conv2d", "flatten", "max_pool2d", "reshape"), "torch, in test_convolutions.py"),
    "concatenate": "no formula of its own; a part of the models in test_training.py",
    "date_parts": "Python's own calendar, in tests/nn/preprocessing/test_date_parts.py",
    "impute": "scikit-learn, in tests/nn/preprocessing/test_impute.py",
    "one_hot": "scikit-learn, in tests/nn/preprocessing/test_one_hot.py",
    "scale_target": "scikit-learn, in tests/nn/preprocessing/test_scale_target.py",
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
        outputs = layer.apply(Variables(params, buffers), inputs, Pass(xp=backend.xp, training=True))
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


@pytest.mark.parametrize("shape", [(4,), (3, 4)], ids=str)
def test_batch_normalisation_is_torchs_over_20_steps_and_afterwards(torch, double, shape):
    layer, theirs = BatchNorm(momentum=0.2, epsilon=1e-3), torch.nn.BatchNorm1d(4, eps=1e-3, momentum=0.2).double()
    variables = Variables({"gain": RNG.normal(size=4), "bias": RNG.normal(size=4)}, layer.init(RNG, shape).buffers)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(variables.params["gain"]))
        theirs.bias.copy_(torch.tensor(variables.params["bias"]))

    def total(trained, buffers, scales):
        at = Pass(xp=double.xp, training=True)
        outputs, after = layer.update(Variables(trained["params"], buffers), trained["inputs"], at)
        return double.xp.sum(scales * outputs), (outputs, after)

    step = double.compile(double.value_and_grad(total), loops=True)
    buffers, close = variables.buffers, {"rtol": 1e-11, "atol": 1e-12}
    for _ in range(20):
        rows, scales = RNG.normal(size=(11, *shape)) * 3 + 1, RNG.normal(size=(11, *shape))
        x = torch.tensor(rows, requires_grad=True)
        # torch has the channels on the second axis.
        outputs = theirs(x.movedim(-1, 1)).movedim(1, -1)
        theirs.zero_grad()
        (outputs * torch.tensor(scales)).sum().backward()
        given = ({"params": variables.params, "inputs": rows}, buffers, scales)
        (_, (found, buffers)), slopes = double.to_numpy(step(*double.asarray(given)))
        np.testing.assert_allclose(found, outputs.detach().numpy(), **close)
        np.testing.assert_allclose(slopes["inputs"], x.grad.numpy(), **close)
        np.testing.assert_allclose(slopes["params"]["gain"], theirs.weight.grad.numpy(), **close)
        np.testing.assert_allclose(slopes["params"]["bias"], theirs.bias.grad.numpy(), **close)
    np.testing.assert_allclose(buffers["mean"], theirs.running_mean.numpy(), **close)
    np.testing.assert_allclose(buffers["variance"], theirs.running_var.numpy(), **close)
    rows = RNG.normal(size=(11, *shape))
    expected = theirs.eval()(torch.tensor(rows).movedim(-1, 1)).movedim(1, -1).detach().numpy()
    apply = double.compile(lambda params, buffers, x: layer.apply(Variables(params, buffers), x, Pass(xp=double.xp)))
    found = double.to_numpy(apply(*double.asarray((variables.params, buffers, rows))))
    np.testing.assert_allclose(found, expected, **close)


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


@pytest.mark.parametrize("steps", [1, 40])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_gru_is_torchs(torch, double, return_sequences, steps):
    layer, inputs = GRU(6, return_sequences=return_sequences), RNG.normal(size=(11, steps, 4))
    scales = RNG.normal(size=(11, *layer.output_shape((steps, 4))))
    params = layer.init(np.random.default_rng(1), (steps, 4)).params
    theirs = torch.nn.GRU(4, 6, batch_first=True, dtype=torch.float64)
    names = {"input_weight": "weight_ih_l0", "hidden_weight": "weight_hh_l0"}
    names |= {"input_bias": "bias_ih_l0", "hidden_bias": "bias_hh_l0"}
    theirs.load_state_dict({names[name]: torch.tensor(leaf.T) for name, leaf in params.items()})
    states, _ = theirs(torch.tensor(inputs))
    outputs = states if return_sequences else states[:, -1]
    (outputs * torch.tensor(scales)).sum().backward()
    found, slopes = gradients_of(double, layer, params, {}, inputs, scales)
    np.testing.assert_allclose(found, outputs.detach().numpy(), rtol=1e-10, atol=1e-12)
    for name, slope in slopes.items():
        np.testing.assert_allclose(slope, getattr(theirs, names[name]).grad.numpy().T, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_gives_the_numbers_of_torch_in_the_same_shares(torch, double, rate):
    torch.manual_seed(0)
    rows = np.full((400, 100), 3.0)
    theirs = torch.nn.functional.dropout(torch.tensor(rows), rate, training=True).numpy()
    key = double.asarray(np.array([1, 2], np.uint32))
    drop = double.compile(
        lambda buffers, x, key: Dropout(rate).apply(
            Variables({}, buffers), x, Pass(xp=double.xp, key=key, training=True)
        )
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
