import numpy as np
import pytest

from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers import SGD, Adam, AdamW

RNG = np.random.default_rng(3)
START = {"a": {"w": RNG.normal(size=(3, 2, 4))}, "b": RNG.normal(size=(3,)), "c": RNG.normal(size=(3, 5))}
GRADIENTS = [tree_map(lambda x: RNG.normal(size=x.shape), START) for _ in range(4)]


def descend(optimizer, settings, xp, pick=lambda x: x):
    mine = lambda tree: tree_map(lambda x: np.asarray(pick(x)), tree)
    params, state = mine(START), optimizer.init(mine(START), xp=xp)
    for number, gradient in enumerate(GRADIENTS, start=1):
        step = np.asarray(pick(np.full(3, float(number))))
        params, state = optimizer.update(mine(gradient), state, params, step=step, settings=mine(settings), xp=xp)
    return params, state


def assert_same(fleet, one, member):
    tree_map(lambda x, y: np.testing.assert_array_equal(x[member], y), fleet, one)


@pytest.mark.parametrize(
    "optimizer",
    [SGD(), SGD(momentum=0.8, dampening=0.2), SGD(momentum=0.8, nesterov=True), Adam(weight_decay=0.1), AdamW()],
    ids=repr,
)
def test_a_whole_fleet_steps_as_each_member_does_alone(xp, optimizer):
    settings = {name: value * np.array([1.0, 0.5, 0.1]) for name, value in optimizer.settings.items()}
    fleet = descend(optimizer, settings, xp)
    for member in range(3):
        for found, alone in zip(fleet, descend(optimizer, settings, xp, lambda x, m=member: x[m]), strict=True):
            assert_same(found, alone, member)
