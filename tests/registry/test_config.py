from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import pytest
from attrs.validators import deep_iterable, ge, gt, in_
from hypothesis import given
from hypothesis import strategies as st

from gmcore.errors import BackendUnavailableError, ConfigError
from gmcore.ports import MetricComputer
from gmcore.registry import structure, unstructure


@attrs.frozen(kw_only=True)
class Embedding:
    size: int = attrs.field(validator=ge(1))
    scale: float = 1.0


@attrs.frozen(kw_only=True)
class Model:
    hidden: tuple[int, ...] = attrs.field(default=(64,), validator=deep_iterable(ge(1)))
    dropout: float = attrs.field(default=0.0, validator=ge(0.0))
    activation: Literal["relu", "tanh"] = "relu"
    bias: bool = True
    name: str | None = None
    embedding: Embedding | None = None
    initial: Literal["auto"] | float = "auto"
    start: str | Embedding = "zeros"
    kinds: Mapping[str, Literal["number", "category"]] = attrs.field(factory=dict)
    folder: Path = Path("data.csv")
    sizes: tuple[int, float] = (1, 2.0)
    layers: tuple[Embedding, ...] = ()
    _secret: int = attrs.field(default=0, alias="secret")
    state: list[int] = attrs.field(init=False, factory=list)


FULL = {
    "hidden": [3, 4],
    "dropout": 1,
    "activation": "tanh",
    "bias": False,
    "name": "net",
    "embedding": {"size": 2},
    "initial": 0.5,
    "start": {"size": 3, "scale": 2.0},
    "kinds": {"age": "number"},
    "folder": "sub/x.csv",
    "sizes": [1, 2],
    "layers": [{"size": 1}, {"size": 2}],
    "secret": 5,
}


def problems(options: Mapping[str, Any], path: str = "", cls: type = Model) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as error:
        structure(options, cls, path=path)
    return error.value.problems


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Literal[1, "all"], True), (Literal[1, "all"], 1.0), (Literal[True, "blocks"], 1), (Literal[0.5, 1.0], 1)],
)
def test_a_choice_has_the_type_of_the_literal(kind, value):
    one = attrs.make_class("One", {"level": attrs.field(type=kind)})
    (found,) = problems({"level": value}, cls=one)
    assert found.startswith("level: must be ")


def test_options_become_an_object():
    model = structure(FULL, Model, base=Path("/runs"))
    assert model == Model(
        hidden=(3, 4),
        dropout=1.0,
        activation="tanh",
        bias=False,
        name="net",
        embedding=Embedding(size=2),
        initial=0.5,
        start=Embedding(size=3, scale=2.0),
        kinds={"age": "number"},
        folder=Path("/runs/sub/x.csv"),
        sizes=(1, 2.0),
        layers=(Embedding(size=1), Embedding(size=2)),
        secret=5,
    )
    assert type(model.dropout) is type(model.sizes[1]) is float


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"hidden": "64"}, "hidden: must be a list of whole numbers, got '64'"),
        ({"hidden": 64}, "hidden: must be a list of whole numbers, got 64"),
        ({"hidden": [1, 3.7]}, "hidden[1]: must be a whole number, got 3.7"),
        ({"hidden": [True]}, "hidden[0]: must be a whole number, got True"),
        ({"hidden": [0]}, "hidden: must be >= 1, got 0"),
        ({"dropout": "0.1"}, "dropout: must be a number, got '0.1'"),
        ({"dropout": True}, "dropout: must be a number, got True"),
        ({"dropout": 10**400}, f"dropout: must be a number, got 1{'0' * 59}…"),
        ({"dropout": -1}, "dropout: must be >= 0.0, got -1.0"),
        ({"activation": "tahn"}, "activation: must be 'relu' or 'tanh', got 'tahn'"),
        ({"bias": 1}, "bias: must be true or false, got 1"),
        ({"name": 3}, "name: must be text, got 3"),
        ({"embedding": 3}, "embedding: must be a table, got 3"),
        ({"embedding": {}}, "embedding.size: is required"),
        ({"embedding": {"size": 0}}, "embedding.size: must be >= 1, got 0"),
        ({"initial": "aut"}, "initial: must be 'auto' or a number, got 'aut'"),
        ({"start": 3}, "start: must be text or a table, got 3"),
        ({"start": {"size": "3"}}, "start.size: must be a whole number, got '3'"),
        ({"kinds": [1]}, "kinds: must be a table, got [1]"),
        ({"kinds": {"age": "numbr"}}, "kinds.age: must be 'number' or 'category', got 'numbr'"),
        ({"folder": 3}, "folder: must be a path, got 3"),
        ({"sizes": [1]}, "sizes: must have 2 elements, got 1"),
        ({"sizes": [1, "x"]}, "sizes[1]: must be a number, got 'x'"),
        ({"layers": [{"size": 1}, {"sise": 2}]}, "layers[1].size: is required"),
        ({"droput": 0.1}, "droput: unknown key, did you mean 'dropout'?"),
        ({"state": [1]}, "state: unknown key"),
        ({"_secret": 1}, "_secret: unknown key, did you mean 'secret'?"),
    ],
)
def test_nothing_is_coerced_and_the_problem_has_a_path(options, problem):
    assert problems(options)[0].startswith(problem)
    assert problems(options, "model")[0].startswith(f"model.{problem}")


def test_all_problems_are_raised_together():
    wrong = {"hidden": ["1", 2, 0.5], "dropout": -1, "droput": 1, "embedding": {"size": 0, "scal": 1}, "bias": "no"}
    assert set(problems(wrong, "model")) == {
        "model.hidden[0]: must be a whole number, got '1'",
        "model.hidden[2]: must be a whole number, got 0.5",
        "model.dropout: must be >= 0.0, got -1.0",
        "model.droput: unknown key, did you mean 'dropout'?",
        "model.embedding.size: must be >= 1, got 0",
        "model.embedding.scal: unknown key, did you mean 'scale'?",
        "model.bias: must be true or false, got 'no'",
    }


def test_a_home_folder_and_an_absolute_path_stay_what_they_are():
    base = Path("/runs")
    assert structure({"folder": "/x/y.csv"}, Model, base=base).folder == Path("/x/y.csv")
    assert structure({"folder": "~/y.csv"}, Model, base=base).folder == Path.home() / "y.csv"
    assert structure({"folder": "y.csv"}, Model).folder == Path("y.csv")


def test_a_value_that_has_the_type_of_its_field_is_used_as_it_is():
    embedding = Embedding(size=1)
    model = structure({"embedding": embedding, "hidden": (np.int64(3),), "dropout": np.float32(0.5)}, Model)
    assert model.embedding is embedding
    assert (model.hidden, model.dropout) == ((3,), 0.5)
    assert type(model.hidden[0]) is int


def test_an_object_without_a_plain_form_is_checked_by_its_class():
    @attrs.frozen(kw_only=True)
    class Arrays:
        values: np.ndarray
        anything: Any = None

    values = np.zeros(3)
    assert structure({"values": values, "anything": values}, Arrays).values is values
    assert problems({"values": [1]}, cls=Arrays) == ("values: must be a ndarray, got [1]",)


@attrs.frozen(kw_only=True)
class Window:
    low: int = attrs.field(default=0)
    high: int = attrs.field(default=10, validator=gt(0))
    unit: str = attrs.field(default="s", validator=in_(("s", "ms")))

    @low.validator
    def _check_low(self, attribute, value):
        if value < 0:
            raise ValueError(f"low must be 0 or more, got {value}")
        if value >= self.high:
            raise ValueError(f"low must be below high, got {value} and {self.high}")


def test_a_validators_problem_has_the_path_of_its_field_and_may_read_other_fields():
    assert problems({"low": -1, "high": 0, "unit": "h"}, "window", Window) == (
        "window.low: must be 0 or more, got -1",
        "window.high: must be > 0, got 0",
        "window.unit: must be in ('s', 'ms') (got 'h')",
    )
    assert problems({"low": 7, "high": 5}, "window", Window) == ("window: low must be below high, got 7 and 5",)
    assert structure({"low": 7}, Window) == Window(low=7)


def test_an_error_that_is_not_about_options_is_raised_unchanged():
    @attrs.frozen
    class Device:
        name: str = "gpu"

        def __attrs_post_init__(self):
            if self.name == "gpu":
                raise BackendUnavailableError("no gpu here: use 'cpu'")
            raise ZeroDivisionError

    with pytest.raises(BackendUnavailableError, match="no gpu here"):
        structure({}, Device)
    with pytest.raises(ZeroDivisionError):
        structure({"name": "cpu"}, Device)


def test_an_abstract_class_is_a_type_error():
    @attrs.frozen
    class Half(MetricComputer):
        def bind(self, schema):
            return self

    with pytest.raises(TypeError, match="Half lacks the methods compute"):
        structure({}, Half)


def test_options_that_are_not_a_table_are_refused():
    assert problems([1]) == ("must be a table, got [1]",)


def test_unstructuring_gives_plain_values_that_structure_to_the_same():
    model = structure(FULL, Model)
    options = unstructure(model)
    assert options == {**FULL, "embedding": {"size": 2, "scale": 1.0}, "layers": [
        {"size": 1, "scale": 1.0}, {"size": 2, "scale": 1.0}
    ]}  # fmt: skip
    assert structure(options, Model) == model
    assert {"name", "embedding", "state"}.isdisjoint(unstructure(Model()))


models = st.builds(
    Model,
    hidden=st.lists(st.integers(1, 99), max_size=3).map(tuple),
    dropout=st.floats(0, 1),
    activation=st.sampled_from(["relu", "tanh"]),
    bias=st.booleans(),
    name=st.none() | st.text(max_size=3),
    embedding=st.none() | st.builds(Embedding, size=st.integers(1, 9)),
    initial=st.just("auto") | st.floats(allow_nan=False),
    start=st.text(max_size=2) | st.builds(Embedding, size=st.integers(1, 9)),
    kinds=st.dictionaries(st.text(max_size=3), st.just("number"), max_size=2),
    layers=st.lists(st.builds(Embedding, size=st.integers(1, 9)), max_size=2).map(tuple),
)


@given(models)
def test_every_object_survives_a_round_trip(model):
    assert structure(unstructure(model), Model) == model


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*FULL, "droput"]), values, max_size=5))
def test_any_table_becomes_an_object_or_problems_with_paths(options):
    try:
        found: tuple[str, ...] = ()
        structure(options, Model)
    except ConfigError as error:
        found = error.problems
    starts = tuple(f"{key}{end}" for key in options for end in ":.[")
    assert [problem for problem in found if not problem.startswith(starts)] == []
