"""What a call does not use, what a component returns that it must not, and rows on two sides are refused."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Fold, Split
from gmcore.errors import ConfigError, DataError, TrainingError
from gmcore.ports import CrossValidator, MetricComputer, ModelProvider, SupportsDirection
from gmcore.testing.fakes import TinyModel, two_moons

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")
QUICK = {"training": {"max_epochs": 1}, "backend": {"use": "jax", "device": "cpu"}}


@pytest.mark.parametrize("data", [{"weights": [0] * 60}, {"foo": 1}, "zzz"])
def test_data_beside_arrays_is_refused(data):
    with pytest.raises(ConfigError, match=r"^data: rows were already passed as the first argument: remove one"):
        gmcore.train(X, Y, data=data)


@pytest.mark.parametrize(
    ("command", "argument", "instead"),
    [
        ("train", {"folds": 3}, "cross_validate"),
        ("train", {"validation": "kfold"}, "cross_validate"),
        ("train", {"search": {}}, "search"),
        ("cross_validate", {"search": {}}, "search"),
    ],
    ids=lambda value: None,
)
def test_an_argument_that_the_command_does_not_use_is_refused(command, argument, instead):
    (name,) = argument
    message = rf"^{name}: gmcore\.{command} does not use it: remove it, or call gmcore\.{instead}$"
    with pytest.raises(ConfigError, match=message):
        getattr(gmcore, command)(X, Y, **argument)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nonsense": None}, "^nonsense: unknown argument"),
        ({"hooks": "progress"}, "^hooks: must be a list of hook plugins, got 'progress'"),
        ({"hooks": print}, "^hooks: must be a list of hook plugins"),
    ],
    ids=lambda value: None,
)
def test_arguments_that_would_be_dropped_or_taken_apart_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        gmcore.train(X, Y, **arguments)


def test_rows_have_their_own_targets_and_weights():
    with pytest.raises(ConfigError, match=r"2 problems\n  y: Rows have their own targets\n  weights: Rows have their"):
        gmcore.train(two_moons(20), np.zeros(20), weights=np.ones(20))


class Metric(MetricComputer):
    """A metric that returns given results, one after another."""

    def __init__(self, *returned):
        self.returned = list(returned)

    def bind(self, schema):
        return self

    def compute(self, predictions, targets, weights=None):
        return self.returned.pop(0) if len(self.returned) > 1 else self.returned[0]


class Stated(Metric, SupportsDirection):
    @property
    def higher_is_better(self):
        return {"a": True}


def text(predictions, targets):
    return "0.3"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (Metric({"ece": "0.3"}), "the metric Metric must return a number as 'ece', got '0.3'"),
        (Metric({"ece": None}), "the metric Metric must return a number as 'ece', got None"),
        (Metric({"ece": True}), "the metric Metric must return a number as 'ece', got True"),
        (
            Metric({"ece": np.zeros(3)}),
            r"the metric Metric must return a number as 'ece', got an array of shape \(3,\)",
        ),
        (Metric({3: 0.5}), "the metric Metric must return numbers by name, got the name 3"),
        (Metric(None), "the metric Metric must return numbers by name, got None"),
        (Metric({}), "the metric Metric must return at least one number"),
        (text, "the metric text must return a number as 'text', got '0.3'"),
    ],
    ids=lambda value: None,
)
def test_a_metric_whose_value_is_not_a_number_is_refused_before_anything_is_trained(metric, message):
    with pytest.raises(ConfigError, match=rf"^metrics\.use\[1\]: {message}"):
        gmcore.train(X, Y, metrics=["accuracy", metric], **QUICK)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (Stated({"a": "x"}), "the metric Stated must return a number as 'a', got 'x'"),
        (Stated({"b": 1.0}), "the metric Stated must return the numbers of its higher_is_better, a, got b"),
        (Metric({"a": 1.0}, {"accuracy": 1.0}), "two metrics return 'accuracy'"),
        (Metric({"a": 1.0}, {"a": 1.0}, {"b": 1.0}), "the metrics must return the same names at every call"),
    ],
    ids=["text", "other names", "another's name", "names that change"],
)
def test_a_metric_that_changes_in_the_run_ends_it(metric, message, tmp_path):
    with pytest.raises(TrainingError, match=message):
        gmcore.train(X, Y, metrics=["accuracy", metric], runs=tmp_path, **QUICK)
    (folder,) = tmp_path.iterdir()
    assert '"failed"' in (folder / "status.json").read_text()


@pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), 1, float("nan")], ids=lambda value: None)
def test_a_number_of_any_library_becomes_a_python_float(value):
    found = gmcore.train(X, Y, metrics=[Metric({"a": value})], **QUICK).train.metrics["a"]
    assert type(found) is float
    assert found == pytest.approx(float(value), nan_ok=True)


@attrs.frozen
class Losses(ModelProvider):
    shape: object

    def create(self, schema):
        provider = self

        class Model(TinyModel):
            def loss(self, variables, outputs, targets, at):
                return provider.shape(TinyModel.loss(self, variables, outputs, targets, at), at.xp)

        return Model(schema=schema)


@pytest.mark.parametrize("backend", ["jax", "metal"])
@pytest.mark.parametrize(
    ("shape", "found"),
    [
        (lambda losses, xp: xp.mean(losses), r"\(\)"),
        (lambda losses, xp: xp.expand_dims(losses, -1), r"\(32, 1\)"),
        (lambda losses, xp: losses[:1], r"\(1,\)"),
    ],
    ids=["mean", "column", "first"],
)
def test_a_loss_that_is_not_one_number_a_row_is_refused(backend, shape, found):
    with pytest.raises(TrainingError, match=rf"one number for each row: for 32 rows .*\(32,\), got shape {found}"):
        gmcore.train(X, Y, model=Losses(shape), training={"max_epochs": 1}, backend={"use": backend, "device": "cpu"})


@attrs.frozen
class Folds(CrossValidator):
    given: object

    def folds(self, rows):
        return iter(self.given)


class Halves:
    """A splitter as in scikit-learn, which does not read the groups."""

    def split(self, X, y=None, groups=None):
        yield np.arange(31), np.arange(31, len(X))


def fold(train, validation, index=0):
    return Fold(index=index, train=np.asarray(train), validation=np.asarray(validation))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "the cross-validator returned no folds"),
        ([fold(range(9), range(6, 12))], "fold 0 trains on 3 of its held-out rows: rows 6, 7, 8$"),
        ([fold(range(9), [9]), fold(range(9), [60], 1)], "fold 1, validation: row 60 is out of range for 60 rows"),
        ([fold(range(9), [-1])], "fold 0, validation: row -1 is out of range"),
        ([fold([1, 1, 2], [9])], "fold 0, train: row indices must be unique, got more than once row 1$"),
        ([fold(np.arange(60) > 9, [9])], "fold 0, train: row indices must be .* whole numbers, got bool"),
        ([fold(range(9), [9]), fold(range(9), [10])], "folds must be numbered 0, 1, …, but number 1 has index 0"),
        ([fold([], [9])], "fold 0 must have rows to train on and rows to score on, got 0 and 1"),
    ],
)
def test_folds_that_are_not_of_the_rows_are_refused(given, message):
    with pytest.raises(DataError, match=message):
        gmcore.cross_validate(X, Y, validation=Folds(given), **QUICK)


@pytest.mark.parametrize(
    "validation", [Folds([fold(range(31), range(31, 60))]), Halves()], ids=["validator", "splitter"]
)
def test_a_group_on_both_sides_of_a_fold_is_refused_with_its_rows(validation):
    data = ArrayData(X, Y, groups=np.arange(60) // 4)
    message = r"fold 0 trains on row \d+ and holds out row \d+ of one group \('groups'\): .* 1 of 15 groups"
    with pytest.raises(DataError, match=message):
        gmcore.cross_validate(data, validation=validation, **QUICK)


def test_the_rows_in_an_error_are_those_of_the_source_if_some_are_for_testing():
    @attrs.define(eq=False)
    class Tested(ArrayData):
        def split(self):
            return Split(train=np.arange(10, 60), validation=np.arange(0), test=np.arange(10))

    with pytest.raises(DataError, match=r"rows 10, 11$"):
        gmcore.cross_validate(Tested(X, Y), validation=Folds([fold(range(9), [0, 1])]), **QUICK)


@pytest.mark.parametrize(
    ("split", "groups", "message"),
    [
        (
            (range(40), range(38, 60), []),
            None,
            r"gives 2 rows two roles: rows 38, 39; the first is in train, validation",
        ),
        ((range(40), range(41, 60), []), None, "gives 1 of 60 rows no role: row 40$"),
        ((range(60), [], [60]), None, r"split\(\), test: row 60 is out of range for 60 rows"),
        (([], range(60), []), None, "has no rows to train on"),
        ((range(50), range(50, 60), []), np.arange(60) // 4, r"has in train row 48 and has in validation row 50"),
    ],
)
def test_a_split_in_which_a_row_or_group_has_no_role_or_two_is_refused(split, groups, message):
    @attrs.define(eq=False)
    class Wrong(ArrayData):
        def split(self):
            train, validation, test = (np.array(part, np.int64) for part in split)
            return Split(train=train, validation=validation, test=test)

    with pytest.raises(DataError, match=message):
        gmcore.train(Wrong(X, Y, groups=groups), **QUICK)
