"""Layers, losses and optimizers give the reference's numbers on every backend, alone and as a fleet."""

from typing import get_args

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import Variables
from gmcore.domain.data.dates import MISSING_DAY
from gmcore.domain.tree import tree_leaves, tree_map
from gmcore.nn.layers import GRU, Activation, Concatenate, Dense, Dropout, Embedding, Sequential
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.optimizers import SGD, Adam, AdamW, RMSProp
from gmcore.nn.preprocessing import DateParts, Impute, OneHot, Standardize
from gmcore.nn.preprocessing.date_parts import Part
from gmcore.ports import BatchLoss, Pass, SupportsAdapt
from gmcore.testing.layer_checks.rows import fitted
from gmcore.testing.loss import LossContract

RNG = np.random.default_rng(7)
NUMBERS = RNG.normal(size=(12, 4))
HOLES = np.where(RNG.random((12, 4)) < 0.3, np.nan, NUMBERS)
CODES = RNG.integers(0, [3, 5], (12, 2)).astype(np.int32)
DATES = np.stack([RNG.integers(-719_162, 2_932_897, (12, 2)), RNG.integers(0, 86_400, (12, 2))], axis=-1).astype(
    np.int32
)
DATES[RNG.random((12, 2)) < 0.2] = (MISSING_DAY, 0)

REGISTRY = gmcore.float64.layers
ACTIVATIONS = [name for name, make in REGISTRY.items() if isinstance(make, type) and issubclass(make, Activation)]

LAYERS = {
    **{name: (REGISTRY.create(name), NUMBERS) for name in ACTIVATIONS},
    "dense": (Dense(3), NUMBERS),
    "dropout": (Dropout(0.5), NUMBERS),
    "gru": (GRU(3, return_sequences=True), NUMBERS.reshape(12, 2, 2)),
    "impute": (Impute(), HOLES),
    "standardize": (Standardize(), NUMBERS),
    "one_hot": (OneHot((2, 4)), CODES),
    "embedding": (Embedding((2, 4), 3), CODES),
    "date_parts": (DateParts(parts=get_args(Part)), DATES),
    "concatenate": (
        Concatenate({"numeric": Sequential([Impute(), Standardize()]), "categorical": OneHot((2, 4))}),
        {"numeric": HOLES, "categorical": CODES},
    ),
}


def fleet_of(layer, inputs):
    """Return the variables of two members, from different generators and adapted to different rows."""
    shape = tree_map(lambda x: x.shape[1:], inputs)
    fresh = [layer.init(np.random.default_rng(seed), shape) for seed in (1, 2)]
    parts = (tree_map(lambda x: x[:6], inputs), tree_map(lambda x: x[4:], inputs))
    if isinstance(layer, SupportsAdapt):
        return [fitted(layer, [part], one) for one, part in zip(fresh, parts, strict=True)]
    return fresh


# Float functions are accurate to a few units in the last place; a sum of four products adds as many.
def close(found, expected, dtype):
    atol = 100 * np.finfo(dtype).eps * (1 + np.nanmax(np.abs(expected)))
    return np.allclose(found, expected, rtol=0, atol=atol, equal_nan=True)


@pytest.mark.parametrize("name", LAYERS)
def test_a_fleet_of_layers_gives_the_references_numbers(backend, program, name):
    layer, inputs = LAYERS[name]
    members = fleet_of(layer, inputs)

    def forward(params, buffers, inputs):
        return layer.apply(Variables(params, buffers), inputs, Pass(xp=backend.xp))

    trees = zip(*[(one.params, one.buffers, inputs) for one in members], strict=True)
    stacked = tuple(tree_map(lambda *x: np.stack(x), *tree) for tree in trees)
    found = backend.to_numpy(program(backend.vmap(forward))(*backend.asarray(stacked)))
    assert found.dtype == backend.dtype
    for one, output in zip(members, found, strict=True):
        expected = layer.apply(one, inputs, Pass(xp=NumPyNamespace()))
        assert output.shape[1:] == layer.output_shape(tree_map(lambda x: x.shape[1:], inputs))
        assert close(output, expected, backend.dtype)


@attrs.frozen
class Registered(LossContract):
    """The contract's rows for a registered loss."""

    name: str

    def loss(self):
        return gmcore.float64.losses.create(self.name)


LOSSES = gmcore.float64.losses
# A loss of a batch is compared by its own contract.
OF_ROWS = [name for name in LOSSES if not isinstance(LOSSES.create(name), BatchLoss)]


@pytest.mark.parametrize("name", OF_ROWS)
def test_a_loss_gives_the_references_numbers_and_gradients_on_every_backend(backend, program, name):
    loss = Registered(name).loss()
    for _, case in Registered(name).cases():

        def total(outputs, targets):
            losses = loss.of_rows(outputs, targets, settings=loss.settings, xp=backend.xp)
            return backend.xp.sum(losses), losses

        def reference(outputs, targets=case.targets):
            return loss.of_rows(outputs, targets, settings=loss.settings, xp=NumPyNamespace())

        args = backend.asarray((case.outputs, case.targets))
        (_, losses), gradients = backend.to_numpy(program(backend.value_and_grad(total))(*args))
        assert losses.shape == case.outputs.shape[:1]
        assert {losses.dtype, gradients.dtype} == {np.dtype(backend.dtype)}
        assert close(losses, reference(case.outputs), backend.dtype)
        for column, step in enumerate(1e-6 * np.eye(case.outputs.shape[1])):
            slope = (reference(case.outputs + step) - reference(case.outputs - step)) / 2e-6
            accuracy = 1e-6 if backend.dtype == "float32" else 1e-8
            assert gradients[:, column] == pytest.approx(slope, rel=1e-5, abs=accuracy)


OPTIMIZERS = [
    SGD(),
    SGD(momentum=0.9, dampening=0.1),
    SGD(momentum=0.9, nesterov=True),
    Adam(),
    AdamW(),
    RMSProp(),
    RMSProp(weight_decay=0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_fleet_of_optimizers_gives_the_references_numbers(backend, program, optimizer):
    start = {"a": {"w": RNG.normal(size=(2, 3))}, "b": RNG.normal(size=(2, 4))}
    settings = {
        name: np.array([value, 2 * value if value < 0.5 else value]) for name, value in optimizer.settings.items()
    }
    gradients = [tree_map(lambda x: RNG.normal(size=x.shape), start) for _ in range(5)]

    def update(gradients, state, params, coefficients, taken):
        return optimizer.update(gradients, state, params, coefficients=coefficients, taken=taken, xp=backend.xp)

    step_all = program(update)
    params = backend.asarray(start)
    state = optimizer.init(params, xp=backend.xp)
    coefficients = planned(optimizer, settings)
    for gradient, now in zip(gradients, coefficients, strict=True):
        args = backend.asarray((gradient, now, np.ones(2, bool)))
        params, state = step_all(args[0], state, params, *args[1:])
    found = backend.to_numpy(params)
    expected = [alone(optimizer, start, gradients, settings, member) for member in range(2)]
    expected = tree_map(lambda *x: np.stack(x), *expected)
    for ours, its in zip(tree_leaves(tree_map(lambda x, _: x, found, expected)), tree_leaves(expected), strict=True):
        assert ours.dtype == backend.dtype
        assert close(ours, its, backend.dtype)


def planned(optimizer, settings):
    steps = np.arange(1.0, 6.0)[:, None] + np.zeros(len(settings["learning_rate"]))
    coefficients = optimizer.coefficients(steps, settings)
    return [{name: values[step] for name, values in coefficients.items()} for step in range(5)]


def alone(optimizer, start, gradients, settings, member):
    xp, mine = NumPyNamespace(), lambda tree: tree_map(lambda x: x[member : member + 1], tree)
    params, state = mine(start), optimizer.init(mine(start), xp=xp)
    for gradient, now in zip(gradients, planned(optimizer, mine(settings)), strict=True):
        everyone = np.array([True])
        params, state = optimizer.update(mine(gradient), state, params, coefficients=now, taken=everyone, xp=xp)
    return tree_map(lambda x: x[0], params)
