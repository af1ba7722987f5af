"""A network: its shapes, what does not fit, and fits that are each member's own."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import Feature, Member, Rows, Schema, Target, TargetKind, Variables, WorkflowConfig
from gmcore.errors import ConfigError
from gmcore.nn import Network
from gmcore.nn.layers import BatchNorm, Concatenate, Dense, Dropout, Frozen, ReLU, Sequential
from gmcore.nn.losses import CrossEntropy, Huber, SquaredError
from gmcore.nn.optimizers import SGD
from gmcore.nn.preprocessing import Impute, ScaleTarget, Standardize
from gmcore.ports import Layer, ModelProvider, SupportsAdapt, SupportsInverse, SupportsUpdate
from gmcore.testing.fakes import two_moons
from gmcore.testing.model_provider import ModelProviderContract
from gmcore.training import GradientDescent

PRICE = Target(names=("price",), kind=TargetKind.REGRESSION)
KINDS = Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"))
NUMERIC = Schema(features=(Feature(name="x"), Feature(name="y")), target=PRICE)


def on_numbers(*layers):
    return Sequential([Concatenate({"numeric": Standardize()}), *layers])


@attrs.frozen
class Learned(ScaleTarget):
    def init(self, rng, input_shape):
        return Variables({"scale": np.ones(input_shape)})


@attrs.frozen
class Wider(Dense, SupportsInverse):
    def inverse(self, variables, outputs, *, xp):
        return outputs[..., :1]


def frozen(width):
    return Frozen(Dense(4), Dense(4).init(np.random.default_rng(0), (width,)))


REFUSED = {
    "an array for a mapping": (
        lambda: Network(Dense(1), SquaredError(), NUMERIC),
        r"model: Network can't take these rows: Dense needs rows of one array, got inputs by name \('numeric'\)",
    ),
    "an input that is not there": (
        lambda: Network(Concatenate({"categorical": Dense(1)}), SquaredError(), NUMERIC),
        r"Concatenate has a branch for the input 'categorical', which is not among those: 'numeric'",
    ),
    "too many outputs": (
        lambda: Network(on_numbers(Dense(2)), SquaredError(), NUMERIC, name="Wide"),
        r"model: Wide must have outputs of shape \(1,\) for the target 'price', got \(2,\)",
    ),
    "too few scores": (
        lambda: Network(on_numbers(Dense(1)), CrossEntropy(), attrs.evolve(NUMERIC, target=KINDS)),
        r"must have outputs of shape \(3,\) for the target 'kind', got \(1,\)",
    ),
    "a base of other rows": (
        lambda: Network(on_numbers(frozen(5), Dense(1)), SquaredError(), NUMERIC),
        r"Frozen has params\.weight of shape \(5, 4\) in its variables, but for rows of shape \(2,\) Dense needs",
    ),
    "a loss of classes for numbers": (
        lambda: Network(on_numbers(Dense(1)), CrossEntropy(), NUMERIC),
        r"model\.loss: cross_entropy .*'price'",
    ),
    "the name of a branch of the model": (
        lambda: Network(
            Sequential({"in": Concatenate({"numeric": Dense(1)}), "loss": ReLU()}), SquaredError(), NUMERIC
        ),
        r"can't have a layer named 'loss', which is a branch of the model: rename the layer",
    ),
    "scaled classes": (
        lambda: Network(
            on_numbers(Dense(3)), CrossEntropy(), attrs.evolve(NUMERIC, target=KINDS), target=ScaleTarget()
        ),
        "ScaleTarget is a layer for targets that are numbers, but 'kind' has classes",
    ),
    "targets of another shape": (
        lambda: Network(on_numbers(Dense(1)), SquaredError(), NUMERIC, target=Wider(2)),
        r"Wider must keep the shape \(1,\) of the targets, got \(2,\)",
    ),
    "trained targets": (
        lambda: Network(on_numbers(Dense(1)), SquaredError(), NUMERIC, target=Learned()),
        "Learned can't be a layer for targets, since it has parameters",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_the_schema_is_refused_in_one_sentence(what):
    make, message = REFUSED[what]
    with pytest.raises(ConfigError, match=message) as refused:
        make()
    assert len(refused.value.problems) == 1


def test_a_layer_for_targets_must_have_an_inverse():
    with pytest.raises(ValueError, match="target must be a layer with the method inverse"):
        Network(on_numbers(Dense(1)), SquaredError(), NUMERIC, target=Standardize())


def test_info_says_what_training_changes():
    plain, normalised = on_numbers(Dense(1)), on_numbers(Dense(4), BatchNorm(), Dense(1))
    assert not Network(plain, SquaredError(), NUMERIC).info.stateful
    assert Network(normalised, SquaredError(), NUMERIC).info.stateful
    assert Network(plain, SquaredError(), NUMERIC).info.output_shape == (1,)


class TestEverythingInOneNetwork(ModelProviderContract):
    """Preprocessing, a frozen base, batch normalisation and dropout."""

    def provider(self):
        return OnABase()

    def cases(self):
        name = "many classes, numbers alone"
        return {name: super().cases()[name]}


@attrs.frozen
class OnABase(ModelProvider):
    def create(self, schema):
        width = len(schema.numeric)
        base = Frozen(Dense(5), Dense(5).init(np.random.default_rng(0), (width,)))
        inputs = Concatenate({"numeric": Sequential([Impute(), Standardize(), base])})
        layers = [inputs, Dense(4), BatchNorm(), ReLU(), Dropout(0.2), Dense(schema.target.width)]
        return Network(Sequential(layers), CrossEntropy(label_smoothing=0.1), schema)


@attrs.frozen
class StartAtMeans(Layer, SupportsAdapt):
    """A layer whose weight starts at the mean targets of a member's first and other rows, and at a drawn number."""

    def output_shape(self, input_shape):
        return (1,)

    def init(self, rng, input_shape):
        return Variables({"start": np.zeros(3)})

    def adapt(self, variables, blocks, *, rng):
        targets, weights, numbers = (np.concatenate(parts) for parts in zip(*map(parts_of, blocks), strict=True))
        early = numbers < 50
        means = [np.average(targets[some, 0], weights=weights[some]) for some in (early, ~early)]
        return Variables({"start": np.array([*means, rng.random()])})

    def apply(self, variables, inputs, at):
        return at.xp.zeros((inputs["numeric"].shape[0], 1)) + variables.params["start"][:1]

    def describe(self, input_shape):
        return "StartAtMeans()"


def parts_of(block):
    weights = np.ones(len(block.targets)) if block.weights is None else block.weights
    return block.targets, weights, block.numbers


ROWS = Rows(
    schema=NUMERIC,
    inputs={"numeric": two_moons(120).inputs["numeric"]},
    targets=np.random.default_rng(1).normal(size=(120, 1)) * 200 + np.arange(120.0)[:, None] * 10,
    weights=np.random.default_rng(2).integers(1, 4, 120).astype(np.float64),
)
MEMBERS = [
    Member(index=0, train=np.arange(10, 80), stop=np.arange(10), seed=3),
    Member(index=1, train=np.arange(100, 30, -1), stop=np.arange(101, 120), seed=3),
]


@pytest.fixture
def trained(task):
    """Train two members for a moment, on one backend, since fits are computed on the host."""
    backend = gmcore.float32.backends.create("jax", device="cpu")
    still = attrs.evolve(task, rows=ROWS, backend=backend, optimizer=SGD(learning_rate=1e-30))

    def train(model, **changes):
        config = WorkflowConfig(max_epochs=1, batch_size=16)
        own = attrs.evolve(still, model=model, config=config, **changes)
        return own, GradientDescent().train(own, MEMBERS)

    return train


@pytest.fixture
def backend():
    return gmcore.float32.backends.create("jax", device="cpu")


@attrs.frozen
class Counting(Dense, SupportsAdapt, SupportsUpdate):
    """A layer for the inputs by name that knows nothing of the model's own buffers."""

    def output_shape(self, input_shape):
        return super().output_shape(input_shape["numeric"])

    def init(self, rng, input_shape):
        return Variables(super().init(rng, input_shape["numeric"]).params, {"steps": np.zeros(1), "rows": np.zeros(1)})

    def adapt(self, variables, blocks, *, rng):
        rows = np.array([float(sum(len(block.inputs["numeric"]) for block in blocks))])
        return Variables(variables.params, {"steps": np.zeros(1), "rows": rows})

    def apply(self, variables, inputs, at):
        return super().apply(variables, inputs["numeric"], at)

    def update(self, variables, inputs, at):
        buffers = variables.buffers
        return self.apply(variables, inputs, at), {"steps": buffers["steps"] + 1, "rows": buffers["rows"]}

    def describe(self, input_shape):
        return "Counting()"


def test_any_layer_can_be_a_model_without_knowing_of_the_models_own_buffers(trained):
    _, (first, second) = trained(Network(Counting(1), Huber(delta=2.0), NUMERIC, target=ScaleTarget()))
    for member, result in zip(MEMBERS, (first, second), strict=True):
        buffers = result.variables.buffers
        assert {name: float(buffers[name][0]) for name in ("steps", "rows")} == {
            "steps": -(-len(member.train) // 16),
            "rows": len(member.train),
        }
        assert float(buffers["loss"]["delta"]) == 2.0
        assert buffers["target"]["scale"] > 100


def test_targets_are_scaled_by_each_members_own_rows_and_predicted_in_their_units(trained):
    task, results = trained(Network(on_numbers(Dense(1)), SquaredError(), NUMERIC, target=ScaleTarget()))
    for member, result in zip(MEMBERS, results, strict=True):
        targets, weights = ROWS.targets[member.train], ROWS.weights[member.train]
        mean = np.average(targets, axis=0, weights=weights)
        scale = np.sqrt(np.average(np.square(targets - mean), axis=0, weights=weights))
        found = result.variables.buffers["target"]
        assert found["mean"] == pytest.approx(mean, rel=1e-6)
        assert found["scale"] == pytest.approx(scale, rel=1e-6)
    scored = GradientDescent().validate(task, [one.variables for one in results], [one.train for one in MEMBERS])
    for member, result, score in zip(MEMBERS, results, scored, strict=True):
        params, buffers = result.variables.params["1"], result.variables.buffers
        numbers = ROWS.inputs["numeric"][member.train]
        scaled = (numbers - buffers["0"]["numeric"]["mean"]) * buffers["0"]["numeric"]["gain"]
        outputs = scaled @ params["weight"] + params["bias"]
        expected = outputs * buffers["target"]["scale"] + buffers["target"]["mean"]
        np.testing.assert_allclose(score.predictions, expected, rtol=1e-4, atol=1e-2)
        errors = np.square(
            outputs - (ROWS.targets[member.train] - buffers["target"]["mean"]) / buffers["target"]["scale"]
        )
        assert score.loss == pytest.approx(np.average(errors[:, 0], weights=ROWS.weights[member.train]), rel=1e-4)


def test_a_weight_starts_from_targets_weights_row_numbers_and_generator_of_each_member(trained):
    model = Network(StartAtMeans(), SquaredError(), NUMERIC)
    (_, results), (_, again) = trained(model), trained(model)
    starts = [one.variables.params["start"] for one in results]
    for member, start in zip(MEMBERS, starts, strict=True):
        early, late = member.train[member.train < 50], member.train[member.train >= 50]
        means = [np.average(ROWS.targets[some, 0], weights=ROWS.weights[some]) for some in (early, late)]
        assert start[:2] == pytest.approx(means, rel=1e-6)
    assert starts[0][2] != starts[1][2]
    assert [start.tolist() for start in starts] == [one.variables.params["start"].tolist() for one in again]
