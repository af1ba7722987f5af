"""Small working components for tests: a data set, a model and a streaming data provider."""

from collections.abc import Iterable, Mapping

import attrs
import numpy as np

from gmcore.domain import (
    Array,
    Batch,
    BatchConfig,
    Feature,
    LayerInfo,
    ModelInfo,
    Rows,
    Schema,
    Target,
    TargetKind,
    Variables,
)
from gmcore.ports import DataProvider, Namespace, Pass, SupportsSettings

__all__ = ["StreamOnly", "TinyModel", "two_moons"]


def two_moons(count: int = 200, *, seed: int = 0, noise: float = 0.2) -> Rows:
    """Return rows of two interleaved half circles: two numeric features, two classes.

    Args:
        count: number of rows.
        seed: seed of the random points.
        noise: standard deviation of the noise added to each coordinate.
    """
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, count)
    side = rng.integers(0, 2, count)
    moon = np.stack([np.cos(angle), np.sin(angle)], 1)
    flipped = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)
    points = np.where(side[:, None] == 0, moon, flipped) + rng.normal(0, noise, (count, 2))
    schema = Schema(
        features=(Feature(name="x"), Feature(name="y")),
        target=Target(names=("moon",), kind=TargetKind.BINARY, classes=("upper", "lower")),
    )
    return Rows(schema=schema, inputs={"numeric": points}, targets=side.astype(np.int32))


@attrs.frozen(kw_only=True)
class TinyModel(SupportsSettings):
    """A classifier for numeric inputs: standardization, one hidden layer with dropout, softmax.

    Attributes:
        schema: the columns; numeric features and a classification target.
        hidden: width of the hidden layer.
        dropout: fraction of hidden units dropped in training.
    """

    schema: Schema
    hidden: int = 8
    dropout: float = 0.2

    @property
    def info(self) -> ModelInfo:
        width, classes = len(self.schema.numeric), self.schema.target.width
        parameters = width * self.hidden + self.hidden + self.hidden * classes
        layer = LayerInfo(name="all", description="tiny", output_shape=(self.hidden,), parameters=parameters)
        return ModelInfo(name="Tiny", layers=(layer,), input_shapes={"numeric": (width,)}, output_shape=(classes,))

    def init(self, rng: np.random.Generator) -> Variables:
        width = len(self.schema.numeric)
        params = {
            "hidden": {"weight": rng.normal(0, 0.5, (width, self.hidden)), "bias": np.zeros(self.hidden)},
            "out": {"weight": rng.normal(0, 0.5, (self.hidden, self.schema.target.width))},
        }
        rate = {"dropout": np.array(self.dropout)} if self.dropout else {}
        return Variables(params, {"mean": np.zeros(width), "std": np.ones(width), **rate})

    def adapt(self, variables: Variables, rows: Rows, *, rng: np.random.Generator) -> Variables:  # noqa: ARG002
        numbers = rows.inputs["numeric"]
        mean, std = numbers.mean(0), numbers.std(0)
        if rows.weights is not None:
            mean = np.average(numbers, axis=0, weights=rows.weights)
            std = np.sqrt(np.average(np.square(numbers - mean), axis=0, weights=rows.weights))
        return Variables(variables.params, {**variables.buffers, "mean": mean, "std": std})

    @property
    def settings(self) -> Mapping[str, float]:
        return {"dropout": self.dropout} if self.dropout else {}

    def with_settings(self, variables: Variables, settings: Mapping[str, float]) -> Variables:
        numbers = {name: np.array(value, np.float64) for name, value in settings.items()}
        return Variables(variables.params, {**variables.buffers, **numbers})

    def apply(self, variables: Variables, inputs: Mapping[str, Array], at: Pass) -> Array:
        xp, params, buffers = at.xp, variables.params, variables.buffers
        scaled = (inputs["numeric"] - buffers["mean"]) / buffers["std"]
        hidden = xp.tanh(_product(scaled, params["hidden"]["weight"], xp) + params["hidden"]["bias"])
        if at.training and self.dropout:
            kept = xp.random.uniform(at.key, hidden.shape) >= buffers["dropout"]
            hidden = xp.where(kept, hidden / (1 - buffers["dropout"]), 0.0)
        return _product(hidden, params["out"]["weight"], xp)

    def loss(self, variables: Variables, outputs: Array, targets: Array, at: Pass) -> Array:  # noqa: ARG002
        xp = at.xp
        picked = xp.take_along_axis(xp.log_softmax(outputs), xp.expand_dims(targets, -1), axis=-1)
        return -xp.squeeze(picked, -1)

    def predict(self, variables: Variables, outputs: Array, *, xp: Namespace) -> Array:  # noqa: ARG002
        return xp.softmax(outputs)


def _product(x: Array, weight: Array, xp: Namespace) -> Array:
    return xp.matmul(xp.astype(x, xp.compute), xp.astype(weight, xp.compute))


@attrs.frozen(eq=False)
class StreamOnly(DataProvider):
    """A provider that only streams batches: it hides the abilities `SupportsRows` and `SupportsSchema` of another.

    Attributes:
        data: the provider that yields the batches.
    """

    data: DataProvider

    @property
    def schema(self) -> Schema:
        return self.data.schema

    @property
    def metadata(self) -> Mapping[str, object]:
        return self.data.metadata

    def training_batches(self, config: BatchConfig) -> Iterable[Batch]:
        return self.data.training_batches(config)

    def validation_batches(self, config: BatchConfig) -> Iterable[Batch]:
        return self.data.validation_batches(config)

    def close(self) -> None:
        self.data.close()
