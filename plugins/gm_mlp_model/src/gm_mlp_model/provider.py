"""The model provider that creates a multi-layer perceptron from hyperparameters and a schema."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import attrs
from attrs.validators import and_, ge, in_, lt, optional

from gmcore.domain import Schema, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn import Network
from gmcore.nn.initialization import INITIALIZATIONS, Initialization
from gmcore.nn.layers import Concatenate, Dense, Dropout, Embedding, Flatten, ReLU, Reshape, Sequential
from gmcore.nn.losses import BinaryCrossEntropy, CrossEntropy, SquaredError
from gmcore.nn.preprocessing import DateParts, Impute, OneHot, ScaleTarget, Standardize
from gmcore.nn.settings import instance_of_port
from gmcore.ports import Layer, Loss, ModelProvider, SupportsPredictions

__all__ = ["MLPProvider"]

_SHALLOW = 3


def _widths(hidden: Iterable[int]) -> tuple[int, ...]:
    return tuple(hidden)


def _check_hidden(_: object, __: "attrs.Attribute[tuple[int, ...]]", value: tuple[int, ...]) -> None:
    if not all(isinstance(width, int) and width > 0 for width in value):
        raise ValueError(f"hidden must be widths of 1 or more, got {value}")


def _check_embedding_size(provider: "MLPProvider", _: "attrs.Attribute[int | None]", value: int | None) -> None:
    if value is not None and provider.embedding != "embedding":
        raise ValueError(f'embedding_size requires embedding = "embedding", got {value} with "{provider.embedding}"')


def _check_loss(_: object, __: "attrs.Attribute[Literal['auto'] | Loss]", value: object) -> None:
    if value != "auto" and (isinstance(value, type) or not isinstance(value, Loss)):
        raise ValueError(f"loss must be 'auto' or a loss, such as Huber(), got {value!r}")


@attrs.frozen(kw_only=True)
class MLPProvider(ModelProvider):
    """Multi-layer perceptrons for features of all kinds, with a head and a loss that suit the target.

    Numbers, those of tensors too, are imputed and standardised, and categories one-hot encoded or embedded. Dates
    become numbers: elapsed days, and positions in the year, the week and the day. This preprocessing is fitted to the
    training rows of each member; a row of weight 2 counts as two rows, a row of weight 0 as none.

    Attributes:
        hidden: width of each hidden layer; empty for a linear model.
        activation: the layer after each hidden layer, such as `"gelu"` or `{ use = "elu", alpha = 0.5 }`.
        initialization: initialization of the hidden layers and the head, see `gmcore.nn.initialization`; `"auto"` is
            `"torch"` for up to three hidden layers, and `"glorot_uniform"` for more.
        dropout: probability with which an output of a hidden layer is set to 0 in training.
        impute: replacement of missing numbers and of the numbers of missing dates: their mean or median.
        embedding: encoding of categories: `"one_hot"`, or a trained vector per category, `"embedding"`.
        embedding_size: length of these vectors; by default about the square root of the largest number of categories
            of a column, and at least 2.
        loss: the loss to minimize, such as `"mae"` or `{ use = "cross_entropy", label_smoothing = 0.1 }`. `"auto"` is
            cross-entropy for classification and squared error for regression. Regression errors are in units of the
            standard deviation of the training targets, and so is `delta` of `{ use = "huber", delta = 1.0 }`; losses of
            counts, probabilities, returns and vectors, such as `"poisson"`, get the targets as they are.
    """

    hidden: tuple[int, ...] = attrs.field(default=(64, 32), converter=_widths, validator=_check_hidden)
    activation: Layer = attrs.field(factory=ReLU, validator=instance_of_port(Layer))
    initialization: Literal["auto"] | Initialization = attrs.field(
        default="auto", validator=in_(("auto", *INITIALIZATIONS))
    )
    dropout: float = attrs.field(default=0.0, validator=and_(ge(0.0), lt(1.0)))
    impute: Literal["mean", "median"] = attrs.field(default="mean", validator=in_(("mean", "median")))
    embedding: Literal["one_hot", "embedding"] = attrs.field(default="one_hot", validator=in_(("one_hot", "embedding")))
    embedding_size: int | None = attrs.field(default=None, validator=[optional(ge(1)), _check_embedding_size])
    loss: Literal["auto"] | Loss = attrs.field(default="auto", validator=_check_loss)

    def create(self, schema: Schema) -> Network:
        if not schema.input_shapes:
            raise ConfigError(["model: an MLP requires at least one feature column or tensor, but the data has none"])
        target = schema.target
        outputs = 1 if target.kind is TargetKind.BINARY else target.width
        layers: dict[str, Layer] = {
            "inputs": Concatenate(self._inputs(schema)),
            "trunk": Sequential(self._trunk()),
            "head": Dense(math.prod(target.shape) * outputs, initialization=self._initialization),
        }
        if target.shape:
            layers["places"] = Reshape((*target.shape, outputs))
        loss = self._loss(target)
        # Standardised targets, so that training does not depend on their units; but not counts or probabilities.
        scaled = target.is_regression and not isinstance(loss, SupportsPredictions)
        return Network(Sequential(layers), loss, schema, target=ScaleTarget() if scaled else None, name="MLP")

    @property
    def _initialization(self) -> Initialization:
        if self.initialization != "auto":
            return self.initialization
        # With torch's initialization, each layer with a ReLU divides the signal by 2.4, eight layers by 1,000, so that
        # the biases dominate the inputs.
        return "torch" if len(self.hidden) <= _SHALLOW else "glorot_uniform"

    def _inputs(self, schema: Schema) -> Mapping[str, Layer]:
        inputs: dict[str, Layer] = {}
        if schema.numeric:
            inputs["numeric"] = Sequential([Impute(strategy=self.impute), Standardize()])
        if schema.categorical:
            inputs["categorical"] = self._categorical(tuple(len(f.categories) for f in schema.categorical))
        if schema.datetime:
            inputs["datetime"] = Sequential([DateParts(), Impute(strategy=self.impute), Standardize()])
        for tensor in schema.tensors:
            inputs[tensor.name] = Sequential([Flatten(), Impute(strategy=self.impute), Standardize()])
        return inputs

    def _categorical(self, categories: tuple[int, ...]) -> Layer:
        if self.embedding == "one_hot":
            return OneHot(categories)
        return Embedding(categories, self.embedding_size or max(2, round(max(categories) ** 0.5)))

    def _trunk(self) -> Iterator[Layer]:
        for width in self.hidden:
            yield Dense(width, initialization=self._initialization)
            yield self.activation
            if self.dropout:
                yield Dropout(self.dropout)

    def _loss(self, target: Target) -> Loss:
        if isinstance(self.loss, str):
            if target.is_regression:
                return SquaredError()
            return BinaryCrossEntropy() if target.kind is TargetKind.MULTILABEL else CrossEntropy()
        return self.loss
