"""Components within components: built from tables, names and objects, and written back as tables."""

import dataclasses
from typing import ClassVar

import attrs
import pytest

from gmcore.errors import ConfigError, PortError
from gmcore.nn.layers import ELU, Dense, ReLU
from gmcore.nn.losses import Huber
from gmcore.nn.schedules import Constant, Cosine, WarmUp
from gmcore.ports import Loss, Schedule
from gmcore.registry import PluginRegistry, structure, unstructure

PLUGINS = PluginRegistry("float32")


@attrs.frozen(kw_only=True)
class Recipe:
    loss: Loss
    schedule: Schedule | None = None
    losses: tuple[Loss, ...] = ()


def built(options):
    return structure(options, Recipe, path="recipe", plugins=PLUGINS)


def problems(options):
    with pytest.raises(ConfigError) as error:
        built(options)
    return error.value.problems


def test_a_component_is_named_given_as_a_table_or_as_an_object():
    assert built({"loss": "huber"}) == Recipe(loss=Huber())
    assert built({"loss": {"use": "huber", "delta": 2}}) == Recipe(loss=Huber(delta=2.0))
    assert built({"loss": Huber(delta=3.0)}) == Recipe(loss=Huber(delta=3.0))
    assert built({"loss": "gmcore/huber", "losses": ["huber"]}) == Recipe(loss=Huber(), losses=(Huber(),))


def test_components_nest_as_deep_as_they_are_written():
    schedule = {"use": "warm_up", "steps": 3, "then": {"use": "warm_up", "fraction": 0.5, "then": "cosine"}}
    nested = WarmUp(steps=3, then=WarmUp(fraction=0.5, then=Cosine()))
    assert built({"loss": "huber", "schedule": schedule}).schedule == nested


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"loss": "hubr"}, "recipe.loss.use: no loss named 'hubr': did you mean 'huber' (gmcore 0.1.0)?"),
        ({"loss": {"use": "huber", "dleta": 1}}, "recipe.loss.dleta: unknown key, did you mean 'delta'?"),
        ({"loss": {"use": "huber", "delta": "1"}}, "recipe.loss.delta: must be a number, got '1'"),
        ({"loss": 3}, "recipe.loss: must be a loss, got 3"),
        ({"loss": ReLU()}, "recipe.loss: must be a loss, got ReLU()"),
        ({"loss": Huber}, "recipe.loss: must be an object, got the class Huber: create one of it"),
        ({"losses": [{"use": "huber", "dleta": 1}]}, "recipe.losses[0].dleta: unknown key, did you mean 'delta'?"),
        (
            {"schedule": {"use": "warm_up", "then": {"use": "cosine", "final_fraction": 2.0}}},
            "recipe.schedule.then.final_fraction: must be <= 1.0, got 2.0",
        ),
    ],
)
def test_a_problem_within_a_component_has_its_whole_path(options, problem):
    assert problem in problems({"loss": "mse", **options})


def test_the_error_for_a_component_without_a_name_lists_the_available_ones():
    (problem,) = problems({"loss": {"delta": 1.0}})
    assert problem.startswith("recipe.loss.use: is required, the name of a loss (")
    assert "huber" in problem


def test_all_problems_of_all_components_are_named_at_once():
    found = problems({"loss": {"use": "huber", "dleta": 1}, "schedule": {"use": "cosin"}})
    assert [problem.partition(":")[0] for problem in found] == ["recipe.loss.dleta", "recipe.schedule.use"]


def test_unstructuring_gives_tables_that_build_equal_components():
    recipe = Recipe(loss=Huber(delta=2.0), schedule=WarmUp(steps=2, then=Constant()), losses=(Huber(),))
    tables = unstructure(recipe, PLUGINS)
    assert tables["loss"] == {"use": "huber", "delta": 2.0}
    assert tables["schedule"]["then"] == {"use": "constant"}
    assert built(tables) == recipe


def test_an_object_of_an_unregistered_class_is_recorded_and_refused_when_the_record_is_read():
    @attrs.frozen
    class Tilted(Huber):
        pass

    tables = unstructure(Recipe(loss=Tilted()), PLUGINS)
    assert tables["loss"]["use"].startswith("object ")
    (problem,) = problems(tables)
    assert "Tilted was given as an object in code, and its class is not registered as a loss" in problem
    PLUGINS.losses.register("tilted", Tilted)
    try:
        assert unstructure(Recipe(loss=Tilted()), PLUGINS)["loss"]["use"] == "tilted"
    finally:
        PLUGINS.losses.unregister("tilted")


def test_a_list_of_layers_is_a_list_of_tables():
    made = PLUGINS.layers.create("sequential", layers=[{"use": "dense", "out_features": 4}, "relu", {"use": "elu"}])
    assert list(made.layers.values()) == [Dense(4), ReLU(), ELU()]
    with pytest.raises(ConfigError, match=r"^layers\[0\]\.out_feature: unknown key, did you mean 'out_features'\?$"):
        PLUGINS.layers.create("sequential", layers=[{"use": "dense", "out_features": 4, "out_feature": 4}])


class Plain:
    """A loss that is not an attrs class, does not subclass the port and has no options."""

    settings: ClassVar = {}

    def check(self, target): ...

    def of_rows(self, outputs, targets, *, settings, xp): ...


class WithOptions(Plain):
    def __init__(self, scale=1.0):
        self.scale = scale


def test_a_component_without_options_need_not_be_an_attrs_class():
    PLUGINS.losses.register("plain", Plain)
    try:
        recipe = built({"loss": "plain"})
        assert isinstance(recipe.loss, Plain)
        assert isinstance(built({"loss": Plain()}).loss, Plain)
        assert unstructure(recipe, PLUGINS)["loss"] == {"use": "plain"}
        assert "recipe.loss: 'plain' has no options, got scale" in problems({"loss": {"use": "plain", "scale": 2.0}})
    finally:
        PLUGINS.losses.unregister("plain")


@pytest.mark.parametrize("cls", [WithOptions, dataclasses.make_dataclass("Data", [("k", float)], bases=(Plain,))])
def test_a_component_with_options_that_no_record_could_name_is_refused(cls):
    with pytest.raises(PortError, match=r"has options \((scale|k)\) and is not an attrs class, which records need"):
        PLUGINS.losses.register("mine", cls)


def test_a_table_that_is_nested_without_end_is_refused():
    schedule = {"use": "warm_up"}
    schedule["then"] = schedule
    assert problems({"loss": "mse", "schedule": schedule}) == ("recipe: tables are nested more than 64 deep",)


def test_a_class_is_named_by_the_registry_of_its_kind_alone():
    @attrs.frozen
    class Own(Huber):
        pass

    PLUGINS.exporters.register("mse", Own)
    try:
        assert PLUGINS.name_of(Own) is None
        assert unstructure(Recipe(loss=Own()), PLUGINS)["loss"]["use"].startswith("object ")
    finally:
        PLUGINS.exporters.unregister("mse")
