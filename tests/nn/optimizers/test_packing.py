"""All arrays of a tree in one: an elementwise optimizer gives the same numbers."""

import attrs
import numpy as np
import pytest

from gmcore.domain.tree import tree_flatten
from gmcore.nn.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, NAdam, RAdam, RMSProp, Rule
from gmcore.nn.optimizers.packing import Packing, packing_of
from gmcore.nn.settings import member_field

MEMBERS = 3
OPTIMIZERS = (
    Adam(weight_decay=0.1),
    AdamW(),
    RMSProp(weight_decay=0.1),
    SGD(weight_decay=0.1),
    SGD(momentum=0.9, nesterov=True),
    Adadelta(),
    Adagrad(initial_sum=0.1),
    Adam(amsgrad=True),
    Adamax(),
    Lion(),
    NAdam(),
    RAdam(),
    RMSProp(momentum=0.5, centered=True),
)


@attrs.frozen(kw_only=True)
class Normed(Rule):
    """Steps along the gradient of an array, divided by its largest element: not elementwise."""

    learning_rate: float = member_field(default=0.1)

    def move(self, leaf, slots):
        return leaf.parameter - leaf.coefficients["learning_rate"] * leaf.gradient / leaf.xp.max(leaf.gradient)


@attrs.frozen
class Packs:
    """A backend of which only this ability is used."""

    largest: int = 100

    def packs(self, members, size):
        return members == MEMBERS and size <= self.largest


def tree(seed):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.normal(size=(MEMBERS, *shape))
    return {"first": {"weight": draw(3, 5), "bias": draw(5)}, "none": {}, "scale": draw(), "last": draw(5, 2)}


def assert_same(found, expected):
    found, expected = tree_flatten(found), tree_flatten(expected)
    assert list(found) == list(expected)
    for name, leaf in expected.items():
        np.testing.assert_array_equal(found[name], leaf, err_msg=name)


def test_a_tree_is_unpacked_as_it_was_packed(xp):
    packing = Packing.of(tree(0))
    packed = packing.packed(tree(0), xp)
    assert packed.shape == (MEMBERS, 3 * 5 + 5 + 1 + 5 * 2)
    assert_same(packing.unpacked(packed, xp), tree(0))


def test_the_places_do_not_depend_on_the_order_of_names(xp):
    turned = dict(reversed(tree(1).items()))
    packing = Packing.of(tree(0))
    np.testing.assert_array_equal(packing.packed(turned, xp), packing.packed(tree(1), xp))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_an_elementwise_optimizer_gives_the_same_bits_on_packed_arrays(optimizer, xp):
    params, packing = tree(0), packing_of(tree(0), optimizer, Packs())
    packed = packing.packed(params, xp)
    state, packed_state = optimizer.init(params, xp=xp), optimizer.init(packed, xp=xp)
    rates = {name: np.full((4, MEMBERS), value) for name, value in optimizer.settings.items()}
    planned = optimizer.coefficients(np.arange(1.0, 5.0)[:, None] + np.zeros(MEMBERS), rates)
    for step in range(4):
        now = {name: values[step] for name, values in planned.items()}
        others = {"coefficients": now, "taken": np.array([True, step != 2, True]), "xp": xp}
        params, state = optimizer.update(tree(step + 1), state, params, **others)
        packed, packed_state = optimizer.update(packing.packed(tree(step + 1), xp), packed_state, packed, **others)
    assert_same(packing.unpacked(packed, xp), params)
    for name, kept in state.items():
        assert_same(packing.unpacked(packed_state[name], xp), kept)


@pytest.mark.parametrize(
    ("params", "optimizer", "backend"),
    [
        (tree(0), Normed(), Packs()),
        (tree(0), Adam(), object()),
        (tree(0), Adam(), Packs(largest=30)),
        ({"last": tree(0)["last"]}, Adam(), Packs()),
        ({}, Adam(), Packs()),
    ],
    ids=["not elementwise", "no ability", "too many parameters", "one array", "no array"],
)
def test_nothing_is_packed_where_it_would_be_wrong_or_slower(params, optimizer, backend):
    assert packing_of(params, optimizer, backend) is None
