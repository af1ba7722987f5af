import numpy as np
import pytest

from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers import (
    LAMB,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Group,
    Grouped,
    Lion,
    NAdam,
    RAdam,
    RMSProp,
)

RNG = np.random.default_rng(3)
START = {"a": {"w": RNG.normal(size=(3, 2, 4))}, "b": RNG.normal(size=(3,)), "c": RNG.normal(size=(3, 5))}
GRADIENTS = [tree_map(lambda x: RNG.normal(size=x.shape), START) for _ in range(4)]


def descend(optimizer, settings, xp, members=slice(None)):
    mine = lambda tree: tree_map(lambda x: x[members], tree)
    params, state = mine(START), optimizer.init(mine(START), xp=xp)
    steps = np.arange(1.0, len(GRADIENTS) + 1)[:, None] + np.zeros(len(params["b"]))
    coefficients = optimizer.coefficients(steps, mine(settings))
    for number, gradient in enumerate(GRADIENTS):
        now = {name: values[number] for name, values in coefficients.items()}
        everyone = np.ones(len(params["b"]), bool)
        params, state = optimizer.update(mine(gradient), state, params, coefficients=now, taken=everyone, xp=xp)
    return params, state


def assert_same(fleet, one, member):
    tree_map(lambda x, y: np.testing.assert_array_equal(x[member], y[0]), fleet, one)


OPTIMIZERS = [
    SGD(),
    SGD(momentum=0.8, dampening=0.2),
    SGD(momentum=0.8, nesterov=True),
    Adam(),
    Adam(weight_decay=0.1),
    AdamW(),
    RMSProp(),
    RMSProp(weight_decay=0.1),
    RMSProp(momentum=0.5, centered=True),
    Adadelta(),
    Adafactor(weight_decay=0.1),
    Adagrad(rate_decay=0.1),
    Adam(amsgrad=True),
    Adamax(),
    Grouped(groups=(Group(pattern="a.*", rate=0.5), Group(pattern="b", weight_decay=0.0))),
    LAMB(),
    Lion(weight_decay=0.1),
    NAdam(),
    RAdam(decoupled=True, weight_decay=0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_member_gets_the_same_bits_alone_as_in_a_fleet(xp, optimizer):
    settings = {name: value * np.array([1.0, 0.5, 0.1]) for name, value in optimizer.settings.items()}
    fleet = descend(optimizer, settings, xp)
    for member in range(3):
        for found, alone in zip(fleet, descend(optimizer, settings, xp, slice(member, member + 1)), strict=True):
            assert_same(found, alone, member)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_member_that_does_not_take_a_step_keeps_its_bits(xp, optimizer):
    settings = {name: np.full(3, value) for name, value in optimizer.settings.items()}
    coefficients = optimizer.coefficients(np.full((1, 3), 5.0), settings)
    lost = tree_map(lambda x: np.where(np.arange(3).reshape(-1, *[1] * (x.ndim - 1)) == 1, np.nan, x), GRADIENTS[0])
    state = optimizer.init(START, xp=xp)
    for gradient in GRADIENTS:
        now = {name: values[0] for name, values in coefficients.items()}
        _, state = optimizer.update(gradient, state, START, coefficients=now, taken=np.ones(3, bool), xp=xp)
    now = {name: values[0] for name, values in coefficients.items()}
    after = optimizer.update(lost, state, START, coefficients=now, taken=np.array([True, False, True]), xp=xp)
    for new, old in zip(after, (START, state), strict=True):
        tree_map(lambda x, y: np.testing.assert_array_equal(x[1], y[1]), new, old)
    assert not np.array_equal(after[0]["b"][[0, 2]], START["b"][[0, 2]])
    assert np.isfinite(after[0]["a"]["w"]).all()
