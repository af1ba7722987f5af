"""A multi-layer perceptron for a given schema."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array, ModelInfo, Rows, Schema, Shape, TargetKind, Tree, Variables
from gmcore.errors import ConfigError
from gmcore.nn import summarize
from gmcore.nn.layers import Blocks, Dropout, Sequential
from gmcore.nn.preprocessing.standardize import mean_and_scale
from gmcore.ports import Loss, Namespace, SupportsSettings

__all__ = ["MLP"]

# Prefix of the loss's settings among those of the model, as in a run file.
_LOSS = "loss."


@attrs.frozen(kw_only=True)
class MLP(SupportsSettings):
    """Preprocessing, hidden layers and a head; see `MLPProvider`.

    Regression targets are standardised, so that training does not depend on their units: outputs and loss are in
    standard deviations of the training targets, predictions in the units of the targets.

    Attributes:
        schema: the schema of the rows.
        network: maps the named inputs to outputs.
        loss_function: the loss to minimize; its settings are buffers, so that they can differ between the members of a
            fleet.
    """

    schema: Schema
    network: Sequential
    loss_function: Loss

    @property
    def info(self) -> ModelInfo:
        shapes = self._input_shapes
        layers = tuple(summarize(self.network, shapes))
        return ModelInfo(
            name="MLP",
            layers=layers,
            input_shapes=shapes,
            output_shape=(self.schema.target.width,),
            random=any(layer.random for layer in layers),
            stateful=any(layer.stateful for layer in layers),
        )

    def init(self, rng: np.random.Generator) -> Variables:
        variables = self.network.init(rng, self._input_shapes)
        if self.loss_function.settings:
            loss = {name: np.array(value, np.float64) for name, value in self.loss_function.settings.items()}
            variables = Variables(variables.params, {**variables.buffers, "loss": loss})
        if self.schema.target.is_classification:
            return variables
        width = self.schema.target.width
        return _with_target(variables, np.zeros(width), np.ones(width))

    def adapt(self, variables: Variables, rows: Rows) -> Variables:
        weights = None if rows.weights is None else Blocks(lambda: (block.weights for block in rows.blocks()))
        inputs = Blocks(lambda: (block.inputs for block in rows.blocks()))
        variables = self.network.adapt(variables, inputs, weights)
        if self.schema.target.is_classification or rows.targets is None:
            return variables
        statistics = mean_and_scale(Blocks(lambda: (block.targets for block in rows.blocks())), weights)
        if statistics is None:
            return variables
        mean, scale = statistics
        return _with_target(variables, mean, np.where(scale > 0, scale, 1.0))

    def apply(
        self, variables: Variables, inputs: Mapping[str, Array], *, xp: Namespace, key: Array | None, training: bool
    ) -> tuple[Array, Tree]:
        return self.network.apply(variables, inputs, xp=xp, key=key, training=training)

    def loss(self, variables: Variables, outputs: Array, targets: Array, *, xp: Namespace) -> Array:
        if not self.schema.target.is_classification:
            scales = variables.buffers["target"]
            targets = (targets - scales["mean"]) / scales["scale"]
        settings = variables.buffers.get("loss", {})
        return self.loss_function.of_rows(outputs, targets, settings=settings, xp=xp)

    def predict(self, variables: Variables, outputs: Array, *, xp: Namespace) -> Array:
        kind = self.schema.target.kind
        if kind is TargetKind.BINARY:
            return xp.concat([xp.sigmoid(-outputs), xp.sigmoid(outputs)], axis=-1)
        if kind is TargetKind.MULTICLASS:
            return xp.softmax(outputs, axis=-1)
        scales = variables.buffers["target"]
        return outputs * scales["scale"] + scales["mean"]

    @property
    def settings(self) -> Mapping[str, float]:
        rate = next(iter(self._dropouts.values()), None)
        of_loss = {f"{_LOSS}{name}": value for name, value in self.loss_function.settings.items()}
        return of_loss if rate is None else {"dropout": rate, **of_loss}

    def with_settings(self, variables: Variables, settings: Mapping[str, float]) -> Variables:
        self._check(settings)
        numbers = {name: np.array(value, np.float64) for name, value in settings.items()}
        buffers = dict(variables.buffers)
        if "dropout" in numbers:
            rates = {name: {"rate": numbers["dropout"]} for name in self._dropouts}
            buffers["trunk"] = {**buffers["trunk"], **rates}
        if self.loss_function.settings:
            buffers["loss"] = {name: numbers.get(f"{_LOSS}{name}", value) for name, value in buffers["loss"].items()}
        return Variables(variables.params, buffers)

    def _check(self, settings: Mapping[str, float]) -> None:
        """Raise `ConfigError` for values that the constructor of the dropout layer or the loss would reject."""
        loss = self.loss_function
        for name, value in settings.items():
            try:
                if name == "dropout":
                    Dropout(value)
                elif attrs.has(type(loss)):
                    attrs.evolve(loss, **{name.removeprefix(_LOSS): value})  # type: ignore[misc] # checked by attrs.has
            except ValueError as error:
                raise ConfigError([f"model.{name}: {error.args[0]}"]) from error

    @property
    def _dropouts(self) -> dict[str, float]:
        """The rate of each dropout layer, by its name in the trunk."""
        trunk = self.network.layers["trunk"]
        layers = trunk.layers if isinstance(trunk, Sequential) else {}
        return {name: layer.rate for name, layer in layers.items() if isinstance(layer, Dropout)}

    @property
    def _input_shapes(self) -> dict[str, Shape]:
        columns = {name: len(getattr(self.schema, name)) for name in ("numeric", "categorical", "datetime")}
        shapes = {name: (count, 2) if name == "datetime" else (count,) for name, count in columns.items()}
        return {name: shape for name, shape in shapes.items() if columns[name]}


def _with_target(variables: Variables, mean: np.ndarray, scale: np.ndarray) -> Variables:
    return Variables(variables.params, {**variables.buffers, "target": {"mean": mean, "scale": scale}})
