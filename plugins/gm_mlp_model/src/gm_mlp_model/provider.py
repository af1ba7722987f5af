"""From settings and columns to a multi-layer perceptron."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, get_args

import attrs
from attrs.validators import and_, ge, gt, in_, lt, optional

from gm_mlp_model.mlp import MLP
from gmcore.domain import Array, Schema, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.initialization import INITIALIZATIONS, Initialization
from gmcore.nn.layers import ACTIVATIONS, Concatenate, Dense, Dropout, Embedding, Sequential
from gmcore.nn.losses import LOSSES, huber, smoothed_binary_cross_entropy, smoothed_cross_entropy
from gmcore.nn.preprocessing import Impute, OneHot, Standardize
from gmcore.ports import Layer, ModelProvider, Namespace

__all__ = ["MLPProvider"]

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
LossName = Literal["auto", "mse", "mae", "huber", "cross_entropy"]

_SHALLOW = 3


def _widths(hidden: Iterable[int]) -> tuple[int, ...]:
    return tuple(hidden)


def _check_hidden(_: Any, __: "attrs.Attribute[tuple[int, ...]]", value: tuple[int, ...]) -> None:
    if not all(isinstance(width, int) and width > 0 for width in value):
        raise ValueError(f"hidden must be widths of 1 or more, got {value}")


def _check_embedding_size(provider: "MLPProvider", _: "attrs.Attribute[int | None]", value: int | None) -> None:
    if value is not None and provider.embedding != "embedding":
        raise ValueError(f'embedding_size is for embedding = "embedding", got {value} with "{provider.embedding}"')


@attrs.frozen(kw_only=True)
class MLPProvider(ModelProvider):
    """Multi-layer perceptrons over numbers and categories, with the head and loss that the target needs.

    Numbers are imputed and standardised, categories one-hot encoded or embedded, by what a member's own
    training rows say.

    Attributes:
        hidden: the width of each hidden layer; none: a linear model.
        activation: what follows each hidden layer.
        initialization: how the weights and biases of the hidden layers and the head start, see
            `gmcore.nn.initialization`. `"auto"`: `"torch"` for up to three hidden layers, `"glorot_uniform"` for more.
        dropout: the share of each hidden layer's outputs that is left out in training.
        impute: what a missing number becomes: the column's mean or median.
        embedding: what a category becomes: columns of 0 and 1, or a vector that is learnt.
        embedding_size: numbers in such a vector; by default about the square root of the largest
            column's number of categories, and 2 at least.
        loss: `"auto"`: cross-entropy for classes, squared error for numbers. A regression's errors
            are in units of the training targets' standard deviation.
        huber_delta: where the Huber loss turns from squared to absolute, in the same units.
        label_smoothing: the share of each label that is spread over all classes evenly.
    """

    hidden: tuple[int, ...] = attrs.field(default=(64, 32), converter=_widths, validator=_check_hidden)
    activation: Activation = attrs.field(default="relu", validator=in_(get_args(Activation)))
    initialization: Literal["auto"] | Initialization = attrs.field(
        default="auto", validator=in_(("auto", *INITIALIZATIONS))
    )
    dropout: float = attrs.field(default=0.0, validator=and_(ge(0.0), lt(1.0)))
    impute: Literal["mean", "median"] = attrs.field(default="mean", validator=in_(("mean", "median")))
    embedding: Literal["one_hot", "embedding"] = attrs.field(default="one_hot", validator=in_(("one_hot", "embedding")))
    embedding_size: int | None = attrs.field(default=None, validator=[optional(ge(1)), _check_embedding_size])
    loss: LossName = attrs.field(default="auto", validator=in_(get_args(LossName)))
    huber_delta: float = attrs.field(default=1.0, validator=gt(0.0))
    label_smoothing: float = attrs.field(default=0.0, validator=and_(ge(0.0), lt(1.0)))

    def create(self, schema: Schema) -> MLP:
        if not schema.features:
            raise ConfigError(["model: an MLP needs at least one feature column, the data has none"])
        outputs = 1 if schema.target.kind is TargetKind.BINARY else schema.target.width
        network = {
            "inputs": Concatenate(self._inputs(schema)),
            "trunk": Sequential(self._trunk()),
            "head": Dense(outputs, initialization=self._initialization),
        }
        loss, settings = self._loss(schema.target)
        return MLP(schema=schema, network=Sequential(network), loss_function=loss, loss_settings=settings)

    @property
    def _initialization(self) -> Initialization:
        if self.initialization != "auto":
            return self.initialization
        # Each layer of torch's divides a ReLU's signal by 2.4: by 1,000 over eight, and the biases drown the inputs.
        return "torch" if len(self.hidden) <= _SHALLOW else "glorot_uniform"

    def _inputs(self, schema: Schema) -> Mapping[str, Layer]:
        inputs: dict[str, Layer] = {}
        if schema.numeric:
            inputs["numeric"] = Sequential([Impute(strategy=self.impute), Standardize()])
        if schema.categorical:
            inputs["categorical"] = self._categorical(tuple(len(f.categories) for f in schema.categorical))
        return inputs

    def _categorical(self, categories: tuple[int, ...]) -> Layer:
        if self.embedding == "one_hot":
            return OneHot(categories)
        return Embedding(categories, self.embedding_size or max(2, round(max(categories) ** 0.5)))

    def _trunk(self) -> Iterator[Layer]:
        for width in self.hidden:
            yield Dense(width, initialization=self._initialization)
            yield ACTIVATIONS[self.activation]()
            if self.dropout:
                yield Dropout(self.dropout)

    def _loss(self, target: Target) -> tuple[Callable[..., Array], dict[str, float]]:
        """Return the loss and, by the names of its arguments, the numbers that it takes besides."""
        if target.is_classification:
            if self.loss not in ("auto", "cross_entropy"):
                raise ConfigError(
                    [f"model.loss: {self.loss!r} is for numbers, the target {target.names[0]!r} has classes"]
                )
            binary = target.kind is TargetKind.BINARY
            if self.label_smoothing:
                smoothed = smoothed_binary_cross_entropy if binary else smoothed_cross_entropy
                return smoothed, {"label_smoothing": self.label_smoothing}
            return LOSSES["binary_cross_entropy" if binary else "cross_entropy"], {}
        if self.label_smoothing:
            raise ConfigError(
                [f"model.label_smoothing: is for classes, the target {target.names[0]!r} has numbers: leave it at 0"]
            )
        if self.loss == "cross_entropy":
            raise ConfigError(
                [f"model.loss: 'cross_entropy' is for classes, the target {target.names[0]!r} has numbers"]
            )
        if self.loss == "huber":
            return _huber, {"huber_delta": self.huber_delta}
        return LOSSES["mse" if self.loss == "auto" else self.loss], {}


def _huber(xp: Namespace, outputs: Array, targets: Array, *, huber_delta: Array) -> Array:
    return huber(xp, outputs, targets, delta=huber_delta)
