"""Groups of parameters by name: which group a parameter is in, what that changes, and mistakes in patterns."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain.tree import tree_flatten, tree_leaves
from gmcore.errors import ConfigError
from gmcore.nn.optimizers import LBFGS, SGD, Adafactor, Adam, AdamW, Group, Grouped

PARAMS = {
    "trunk": {"0": {"weight": np.ones((2, 3, 2)), "bias": np.ones((2, 2))}, "1": {"bias": np.ones((2, 1))}},
    "none": {},
    "head": {"bias": np.ones((2, 4))},
}
TWICE = Group(pattern="trunk.0.*", rate=2.0)
FROZEN = Group(pattern="*.bias", frozen=True)


def planned(optimizer, step, **settings):
    """Return the coefficients of one step of two members, `(1, 2)` each."""
    known = {name: np.full(2, value) for name, value in {**optimizer.settings, **settings}.items()}
    return optimizer.coefficients(np.full((1, 2), step), known)


def step(optimizer, xp, **settings):
    """Return parameters and state after the first step, along gradients of 1, of two members."""
    now = {name: values[0] for name, values in planned(optimizer, 1.0, **settings).items()}
    state, everyone = optimizer.init(PARAMS, xp=xp), np.ones(2, bool)
    return optimizer.update(PARAMS, state, PARAMS, coefficients=now, taken=everyone, xp=xp)


def moves(optimizer, xp, **settings):
    """Return how far each parameter moves, by its name."""
    after, _ = step(optimizer, xp, **settings)
    found = {name: np.unique(1 - leaf) for name, leaf in tree_flatten(after).items()}
    return {name: pytest.approx(value.item(), rel=1e-12) for name, value in found.items()}


def test_the_first_group_that_matches_wins_and_the_rest_is_the_optimizers(xp):
    optimizer = Grouped(optimizer=SGD(learning_rate=0.1), groups=(TWICE, Group(pattern="*.bias", rate=0.5)))
    expected = {"trunk.0.weight": 0.2, "trunk.0.bias": 0.2, "trunk.1.bias": 0.05, "head.bias": 0.05}
    assert moves(optimizer, xp) == expected
    turned = attrs.evolve(optimizer, groups=(optimizer.groups[1], TWICE))
    assert moves(turned, xp) == {**expected, "trunk.0.bias": 0.05}
    alone = attrs.evolve(optimizer, groups=(Group(pattern="head.bia?", rate=3.0),))
    assert moves(alone, xp) == {**dict.fromkeys(expected, 0.1), "head.bias": pytest.approx(0.3)}


def test_a_weight_decay_of_a_group_replaces_the_optimizers(xp):
    optimizer = Grouped(
        optimizer=SGD(learning_rate=0.1, weight_decay=1.0), groups=(Group(pattern="head.*", weight_decay=0.0),)
    )
    assert moves(optimizer, xp) == {"trunk.0.weight": 0.2, "trunk.0.bias": 0.2, "trunk.1.bias": 0.2, "head.bias": 0.1}
    found = moves(optimizer, xp, weight_decay=3.0, learning_rate=0.01)
    assert found == {"trunk.0.weight": 0.04, "trunk.0.bias": 0.04, "trunk.1.bias": 0.04, "head.bias": 0.01}


def test_frozen_parameters_stay_and_have_no_state(xp):
    after, state = step(Grouped(optimizer=Adam(), groups=(FROZEN,)), xp)
    moved = {name for name, leaf in tree_flatten(after).items() if not (leaf == 1).all()}
    assert moved == {"trunk.0.weight"}
    assert {name.partition(".")[2] for name in tree_flatten(state)} == {"m.trunk.0.weight", "v.trunk.0.weight"}
    after, state = step(Grouped(optimizer=Adam(), groups=(Group(pattern="*", frozen=True),)), xp)
    assert all((leaf == 1).all() for leaf in tree_leaves(after))
    assert state == {}


def test_the_structure_of_the_parameters_is_kept(xp):
    after, _ = step(Grouped(groups=(TWICE,)), xp)
    assert list(tree_flatten(after)) == list(tree_flatten(PARAMS))
    assert after["none"] == {}


def test_an_array_is_seen_whole_by_an_optimizer_that_uses_its_shape(xp):
    _, state = step(Grouped(optimizer=Adafactor(), groups=(TWICE,)), xp)
    assert state["0"]["rows"]["trunk"]["0"]["weight"].shape == (2, 3, 1)


def test_groups_without_a_parameter_are_named_with_the_nearest_names_before_a_step_is_taken(xp):
    groups = (Group(pattern="*.bias"), Group(pattern="trunk.0.wieght"), Group(pattern="head.*"))
    with pytest.raises(ConfigError) as caught:
        step(Grouped(groups=groups), xp)
    near = "nearest first there are trunk.0.weight, trunk.0.bias, trunk.1.bias, head.bias"
    hidden = "matches only parameters of the groups before it: put this group first"
    assert caught.value.problems == (
        f"training.optimizer.groups[1].pattern: 'trunk.0.wieght' matches no parameter, {near}",
        f"training.optimizer.groups[2].pattern: 'head.*' {hidden}",
    )
    assert not list(Grouped(groups=groups[:1]).problems(tree_flatten(PARAMS)))


def test_of_many_parameters_the_nearest_are_named():
    (problem,) = Grouped(groups=(Group(pattern="layer9"),)).problems([f"layer.{number}" for number in range(20)])
    assert problem.startswith("groups[0].pattern: 'layer9' matches no parameter, nearest first there are layer.9, ")
    assert problem.endswith(" and 12 more")


def test_it_is_built_from_the_tables_of_a_run_file():
    tables = [{"pattern": "*.bias", "weight_decay": 0.0}, {"pattern": "trunk.0.*", "rate": 2.0}]
    made = gmcore.float64.optimizers.create("grouped", optimizer={"use": "sgd", "learning_rate": 0.1}, groups=tables)
    assert made == Grouped(optimizer=SGD(learning_rate=0.1), groups=(Group(pattern="*.bias", weight_decay=0.0), TWICE))
    assert made.settings == SGD(learning_rate=0.1).settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": LBFGS()}, "LBFGS evaluates losses along one direction of all parameters: use it without groups"),
        ({"optimizer": Grouped()}, "put all groups into one list"),
        ({"optimizer": AdamW}, "optimizer"),
        ({"groups": ({"pattern": "*", "frozen": True, "rate": 0.5},)}, "leave out rate and weight_decay of '*'"),
        (
            {"groups": ({"pattern": "*", "frozen": True, "weight_decay": 0.5},)},
            "leave out rate and weight_decay of '*'",
        ),
        ({"groups": ({"pattern": "*", "rate": 0.0},)}, "rate: must be > 0.0, got 0.0"),
        ({"groups": ({"pattern": "*", "weight_decay": -1.0},)}, "weight_decay: must be >= 0.0, got -1.0"),
        ({"groups": ({"rate": 1.0},)}, "groups[0].pattern: is required"),
        ({"groups": ({"pattern": "*", "lr": 1.0},)}, "groups[0].lr: unknown key"),
    ],
    ids=str,
)
def test_what_can_not_be_grouped_is_said(options, message):
    with pytest.raises(ConfigError) as caught:
        gmcore.float64.optimizers.create("grouped", **options)
    assert message in str(caught.value)


class Bare(SGD):
    """Descent without weight decay."""

    settings = {"learning_rate": 0.1}  # noqa: RUF012 - as the port has it


def test_a_weight_decay_needs_an_optimizer_that_has_one():
    with pytest.raises(ValueError, match="Bare has no weight_decay: leave it out of the group 'x'"):
        Grouped(optimizer=Bare(), groups=(Group(pattern="x", weight_decay=0.1),))


def test_a_traced_step_gives_numpys_numbers(backend, program, xp):
    optimizer = Grouped(optimizer=Adafactor(weight_decay=0.1), groups=(TWICE, FROZEN))
    now, taken = {name: values[0] for name, values in planned(optimizer, 3.0).items()}, np.array([True, False])

    def step(params, now, taken, xp):
        state = optimizer.init(params, xp=xp)
        return optimizer.update(params, state, params, coefficients=now, taken=taken, xp=xp)

    found = program(lambda *given: step(*given, backend.xp))(*backend.asarray((PARAMS, now, taken)))
    for one, other in zip(backend.to_numpy(found), step(PARAMS, now, taken, xp), strict=True):
        flat, expected = tree_flatten(one), tree_flatten(other)
        assert set(flat) == set(expected)
        for name, leaf in expected.items():
            np.testing.assert_allclose(flat[name], leaf, rtol=1e-5, err_msg=name)
