"""A rule says what happens to one array; trees, members, masks and the L2 penalty are done for it."""

import attrs
import numpy as np
import pytest

from gmcore.nn.optimizers import SGD, Leaf, Rule
from gmcore.nn.settings import member_field, settings_of


@attrs.frozen(kw_only=True)
class Signs(Rule):
    """Steps of the learning rate against the sign of the gradient; counts the steps in a slot."""

    learning_rate: float = member_field(default=0.5)
    weight_decay: float = member_field(default=0.0)
    seen: list[Leaf] = attrs.field(factory=list)
    slots = ("count",)

    def accumulate(self, leaf, slots):
        return {"count": slots["count"] + 1.0}

    def move(self, leaf, slots):
        self.seen.append(leaf)
        return leaf.parameter - leaf.coefficients["learning_rate"] * leaf.xp.sign(leaf.gradient)


@attrs.frozen(kw_only=True)
class GatedSigns(Signs):
    gate = "learning_rate"


PARAMS = {"a": {"w": np.ones((2, 3, 4))}, "b": np.zeros((2,)), "c": {}}
GRADIENTS = {"a": {"w": np.full((2, 3, 4), -7.0)}, "b": np.array([2.0, -2.0]), "c": {}}


def step(rule, xp, taken=(True, True), gradients=GRADIENTS, **coefficients):
    now = {"learning_rate": np.array([0.5, 0.25])} | coefficients
    state = rule.init(PARAMS, xp=xp)
    return rule.update(gradients, state, PARAMS, coefficients=now, taken=np.array(taken), xp=xp)


def test_every_array_of_the_tree_is_moved_by_each_members_coefficients(xp):
    params, state = step(Signs(), xp)
    assert params["a"]["w"].tolist() == [[[1.5] * 4] * 3, [[1.25] * 4] * 3]
    assert params["b"].tolist() == [-0.5, 0.25]
    assert params["c"] == {}
    assert state["count"]["b"].tolist() == [1.0, 1.0]
    assert state["count"]["a"]["w"].shape == (2, 3, 4)


def test_slots_and_parameters_of_a_member_that_takes_no_step_are_kept(xp):
    params, state = step(Signs(), xp, taken=(False, True))
    assert params["b"].tolist() == [0.0, 0.25]
    assert state["count"]["b"].tolist() == [0.0, 1.0]


def test_a_gate_is_zero_for_a_member_that_takes_no_step(xp):
    rule = GatedSigns()
    params, state = step(rule, xp, taken=(False, True))
    assert [leaf.coefficients["learning_rate"].ravel().tolist() for leaf in rule.seen] == [[0.0, 0.25]] * 2
    assert params["b"].tolist() == [0.0, 0.25]
    assert state["count"]["b"].tolist() == [0.0, 1.0]


def test_the_l2_penalty_is_a_part_of_the_gradient(xp):
    rule = Signs()
    step(rule, xp, weight_decay=np.array([0.0, 3.0]))
    assert [leaf.gradient.ravel()[[0, -1]].tolist() for leaf in rule.seen] == [[-7.0, -4.0], [2.0, -2.0]]


def test_coefficients_are_the_settings_but_for_a_weight_decay_of_zero():
    steps = np.ones((4, 2))
    settings = {"learning_rate": np.array([[0.1], [0.2], [0.3], [0.4]]), "weight_decay": np.zeros(2)}
    coefficients = Signs().coefficients(steps, settings)
    assert {name: values.shape for name, values in coefficients.items()} == {"learning_rate": (4, 2)}
    settings["weight_decay"] = np.array([0.0, 0.1])
    assert Signs().coefficients(steps, settings)["weight_decay"].tolist() == [[0.0, 0.1]] * 4


def test_settings_are_the_fields_marked_as_a_members_own():
    assert Signs(learning_rate=0.1).settings == {"learning_rate": 0.1, "weight_decay": 0.0}
    assert list(settings_of(SGD())) == ["learning_rate", "momentum", "dampening", "weight_decay"]
    assert settings_of(attrs.make_class("Plain", ["x"])(1)) == {}


def test_a_member_field_takes_keywords_only_and_is_validated():
    @attrs.frozen
    class Scale:
        factor: float = member_field(default=1.0, validator=attrs.validators.gt(0.0))

    with pytest.raises(TypeError):
        Scale(2.0)
    with pytest.raises(ValueError, match=r"factor.*0\.0"):
        Scale(factor=0.0)


def test_a_rule_without_a_move_is_abstract():
    with pytest.raises(TypeError, match="move"):
        Rule()
