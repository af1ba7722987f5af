import attrs
import numpy as np
import pytest
from gm_mlp_model import MLPProvider

from gmcore.domain import Feature, Kind, Rows, Schema, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.initialization import INITIALIZATIONS
from gmcore.nn.layers import ReLU, Tanh
from gmcore.nn.losses import AbsoluteError, CrossEntropy, Huber, SquaredError
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Pass

XP = NumPyNamespace()
AT = Pass(xp=XP)
BINARY = Target(names=("kind",), kind=TargetKind.BINARY, classes=("no", "yes"))
MANY = Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"))
NUMBERS = Target(names=("price", "area"), kind=TargetKind.REGRESSION)
FEATURES = (
    Feature(name="size"),
    Feature(name="colour", kind=Kind.CATEGORICAL, categories=("red", "green", "blue")),
    Feature(name="old", kind=Kind.BOOLEAN),
    Feature(name="town", kind=Kind.CATEGORICAL, categories=tuple("abcdefghi")),
)


def model(target=MANY, features=FEATURES, **options):
    return MLPProvider(**options).create(Schema(features=features, target=target))


def rows(target=MANY, count=12):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(count, target.width)) * [50, 0.01] + [1000, 3] if target is NUMBERS else None
    return Rows(
        schema=Schema(features=FEATURES, target=target),
        inputs={
            "numeric": np.column_stack([rng.normal(5, 2, count), rng.integers(0, 2, count)]).astype(float),
            "categorical": np.column_stack([rng.integers(0, 4, count), rng.integers(0, 10, count)]).astype(np.int32),
        },
        targets=rng.integers(0, target.width, count).astype(np.int32) if values is None else values,
    )


def described(**options):
    return [(line.name, line.description) for line in model(**options).info.layers]


def test_layers_depend_on_the_schema_and_the_settings():
    assert described(hidden=(8, 4), activation=Tanh(), dropout=0.2) == [
        ("inputs.numeric.0", "Impute(strategy='mean')"),
        ("inputs.numeric.1", "Standardize()"),
        ("inputs.categorical", "OneHot(categories=(3, 9))"),
        ("trunk.0", "Dense(in_features=16, out_features=8)"),
        ("trunk.1", "Tanh()"),
        ("trunk.2", "Dropout(rate=0.2)"),
        ("trunk.3", "Dense(in_features=8, out_features=4)"),
        ("trunk.4", "Tanh()"),
        ("trunk.5", "Dropout(rate=0.2)"),
        ("head", "Dense(in_features=4, out_features=3)"),
    ]


def test_an_mlp_without_hidden_layers_is_linear():
    assert described(hidden=())[-2:] == [
        ("inputs.categorical", "OneHot(categories=(3, 9))"),
        ("head", "Dense(in_features=16, out_features=3)"),
    ]


@pytest.mark.parametrize(("size", "width"), [(None, 3), (1, 1), (5, 5)])
def test_the_default_embedding_size_is_the_root_of_the_number_of_categories(size, width):
    line = described(embedding="embedding", embedding_size=size)[2]
    assert line == ("inputs.categorical", f"Embedding(categories=(3, 9), size={width})")


@pytest.mark.parametrize(
    ("kind", "shape"), [(Kind.NUMERIC, (1,)), (Kind.CATEGORICAL, (1,)), (Kind.DATETIME, (1, 2)), (Kind.BOOLEAN, (1,))]
)
def test_an_input_without_columns_is_absent(kind, shape):
    one = model(features=(Feature(name="only", kind=kind),))
    assert one.info.input_shapes == {"numeric" if kind is Kind.BOOLEAN else str(kind): shape}


def test_dates_become_numbers_that_are_imputed_and_standardised():
    features = (*FEATURES, Feature(name="bought", kind=Kind.DATETIME))
    lines = [(line.name, line.description) for line in model(features=features, impute="median").info.layers]
    assert ("inputs.numeric.0", "Impute(strategy='median')") in lines
    assert lines[3:6] == [
        (
            "inputs.datetime.0",
            "DateParts(parts=('elapsed_days', 'time_of_year', 'time_of_week', 'time_of_day'))",
        ),
        ("inputs.datetime.1", "Impute(strategy='median')"),
        ("inputs.datetime.2", "Standardize()"),
    ]
    assert lines[6] == ("trunk.0", "Dense(in_features=23, out_features=64)")


@pytest.mark.parametrize(("target", "width"), [(BINARY, 1), (MANY, 3), (NUMBERS, 2)], ids=["binary", "many", "numbers"])
def test_the_width_of_the_head_depends_on_the_target(target, width):
    assert model(target).info.layers[-1].output_shape == (width,)
    assert model(target).info.output_shape == (target.width,)


def started(**options):
    """Return the initial parameters of each hidden layer and of the head, with the number of its inputs."""
    params = model(**options).init(np.random.default_rng(0)).params
    layers = [params["trunk"][name] for name in sorted(params.get("trunk", {}), key=int)]
    return [(layer, len(layer["weight"])) for layer in (*layers, params["head"]) if "weight" in layer]


@pytest.mark.parametrize("activation", [ReLU(), Tanh()])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_shallow_networks_are_initialized_as_in_torch(activation, depth):
    starts = started(hidden=(300,) * depth, activation=activation)
    assert len(starts) == depth + 1
    for layer, inputs in starts:
        assert 0.9 * inputs**-0.5 < np.abs(layer["weight"]).max() <= inputs**-0.5
        assert 0 < np.abs(layer["bias"]).max() <= inputs**-0.5


def test_deep_networks_are_initialized_by_glorots_rule():
    starts = started(hidden=(300,) * 4)
    assert len(starts) == 5
    for layer, inputs in starts:
        limit = np.sqrt(6 / (inputs + len(layer["bias"])))
        assert 0.9 * limit < np.abs(layer["weight"]).max() <= limit
        assert not layer["bias"].any()


@pytest.mark.parametrize("depth", [1, 5])
@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_named_initialization_is_used_for_every_layer(name, depth):
    rng = np.random.default_rng(0)
    expected = [
        INITIALIZATIONS[name](rng, inputs, len(layer["bias"])) for layer, inputs in started(hidden=(30,) * depth)
    ]
    found = started(hidden=(30,) * depth, initialization=name)
    assert len(found) == depth + 1
    for (layer, _), (weight, bias) in zip(found, expected, strict=True):
        assert np.array_equal(layer["weight"], weight)
        assert np.array_equal(layer["bias"], bias)


def test_a_regression_does_not_depend_on_the_units_of_the_targets():
    data = rows(NUMBERS)
    scaled = attrs.evolve(data, targets=data.targets * [0.5, 1024.0] + [4.0, -8.0])
    one = model(NUMBERS)
    losses, predictions = [], []
    for known in (data, scaled):
        variables = one.adapt(one.init(np.random.default_rng(1)), known, rng=np.random.default_rng(2))
        outputs = one.apply(variables, known.inputs, AT)
        losses.append(one.loss(variables, outputs, known.targets, AT))
        predictions.append(one.predict(variables, outputs, xp=XP))
    assert losses[1] == pytest.approx(losses[0], rel=1e-9)
    assert predictions[1] == pytest.approx(predictions[0] * [0.5, 1024.0] + [4.0, -8.0], rel=1e-9)


def test_a_constant_target_is_predicted():
    data = attrs.evolve(rows(NUMBERS), targets=np.tile([7.0, 0.1], (12, 1)))
    one = model(NUMBERS)
    variables = one.adapt(one.init(np.random.default_rng(1)), data, rng=np.random.default_rng(2))
    assert one.predict(variables, np.zeros((12, 2)), xp=XP) == pytest.approx(data.targets, rel=1e-14)
    assert one.loss(variables, np.zeros((12, 2)), data.targets, AT) == pytest.approx(np.zeros(12), abs=1e-20)


def test_outputs_of_zero_predict_the_mean_with_a_loss_of_one():
    data = rows(NUMBERS)
    one = model(NUMBERS)
    variables = one.adapt(one.init(np.random.default_rng(1)), data, rng=np.random.default_rng(2))
    outputs = np.zeros((12, 2))
    assert one.loss(variables, outputs, data.targets, AT).mean() == pytest.approx(1)
    assert one.predict(variables, outputs, xp=XP) == pytest.approx(np.tile(data.targets.mean(axis=0), (12, 1)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"loss": SquaredError()}, 4.0),
        ({"loss": AbsoluteError()}, 2.0),
        ({"loss": Huber()}, 1.5),
        ({"loss": Huber(delta=0.5)}, 0.875),
    ],
    ids=str,
)
def test_a_regression_can_have_another_loss(options, expected):
    one = model(NUMBERS, **options)
    targets = one.init(np.random.default_rng(0))
    assert one.loss(targets, np.full((1, 2), 2.0), np.zeros((1, 2)), AT) == pytest.approx([expected])


def test_small_probabilities_are_accurate():
    one = model(BINARY)
    yes = one.predict(one.init(np.random.default_rng(0)), np.array([[40.0], [-40.0]]), xp=XP)
    assert yes == pytest.approx(np.array([[4.248354255291589e-18, 1], [1, 4.248354255291589e-18]]), rel=1e-12)


def test_a_schema_without_features_is_refused():
    with pytest.raises(
        ConfigError, match="an MLP requires at least one feature column or tensor, but the data has none"
    ):
        model(features=())


@pytest.mark.parametrize(
    ("target", "loss", "message"),
    [
        (MANY, SquaredError(), r"^model\.loss: mse needs numbers"),
        (NUMBERS, CrossEntropy(), r"^model\.loss: cross_entropy needs classes"),
    ],
)
def test_a_loss_that_does_not_suit_the_target_is_refused(target, loss, message):
    with pytest.raises(ConfigError, match=message):
        model(target, loss=loss)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (64, 0)}, r"hidden must be widths of 1 or more, got \(64, 0\)"),
        ({"hidden": "64"}, r"hidden must be widths of 1 or more, got \('6', '4'\)"),
        ({"activation": "relu"}, r"activation must be a layer object, got 'relu'"),
        ({"initialization": "he"}, r"'initialization' must be in \('auto', 'torch', .*'he'"),
        ({"dropout": 1.0}, r"dropout.*1.0"),
        ({"impute": "zero"}, r"impute.*zero"),
        ({"embedding": "hash"}, r"embedding.*hash"),
        ({"embedding": "embedding", "embedding_size": 0}, r"embedding_size.*0"),
        ({"embedding_size": 4}, r'embedding_size requires embedding = "embedding", got 4 with "one_hot"'),
        ({"loss": "huber"}, r"loss must be 'auto' or a loss, such as Huber\(\), got 'huber'"),
    ],
    ids=str,
)
def test_invalid_settings_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        MLPProvider(**options)


def test_widths_can_be_a_list():
    assert MLPProvider(hidden=[3, 2]) == MLPProvider(hidden=(3, 2))
