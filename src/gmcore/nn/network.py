"""A model made of a layer and a loss."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, ModelInfo, RowBlock, Rows, Schema, TargetKind, Tree, Variables
from gmcore.errors import ConfigError, PortError
from gmcore.nn.layers.abilities import changes_buffers, needs_key
from gmcore.nn.layers.blocks import Blocks, with_inputs
from gmcore.nn.layers.dropout import Dropout
from gmcore.nn.layers.nested import adapted, child
from gmcore.nn.layers.recurrent import is_recurrent
from gmcore.nn.layers.results import applied, updated
from gmcore.nn.places import by_place, mean_over_places, repeated
from gmcore.nn.settings import instance_of_port
from gmcore.nn.sizing import SizingGenerator
from gmcore.nn.summary import summarize
from gmcore.ports import (
    BatchLoss,
    Layer,
    Loss,
    Namespace,
    Pass,
    SupportsAdapt,
    SupportsChildren,
    SupportsInverse,
    SupportsPredictions,
    SupportsSettings,
    SupportsTargetCheck,
    SupportsUpdate,
)

__all__ = ["Network"]

_LOSS, _TARGET = "loss", "target"
# Prefix of the loss's settings among those of the model, as in a run file.
_OF_LOSS = "loss."


def _check_target(network: "Network", _: "attrs.Attribute[Layer | None]", value: object) -> None:
    if value is None:
        return
    instance_of_port(Layer)(network, attrs.fields(Network).target, value)
    if not isinstance(value, SupportsInverse):
        raise ValueError(f"target must be a layer with the method inverse, such as ScaleTarget(), got {value!r:.60}")  # noqa: TRY004 - like attrs


@attrs.frozen
class Network(SupportsSettings, SupportsTargetCheck, SupportsUpdate):
    """A model that is a layer, which maps named inputs to outputs, and a loss.

    Outputs and predictions depend on the target: for two classes, one log-odds of the second class or two scores; for
    more, a score for each; their predictions are probabilities. For several labels, the log-odds of each; for numbers,
    one output for each column, from which a loss that `SupportsPredictions` computes the predictions. A target with a
    shape has these outputs at each place, `(batch, *shape, …)`.

    The variables of the layer are those of the model; the model's own are the branches `"loss"`, the settings of the
    loss, and `"target"`, those of the layer for the targets.

    Attributes:
        layer: from a mapping of inputs, as `Rows.inputs`, to outputs, `(batch, *shape, outputs)`.
        schema: the schema of the rows.
        target: for a regression, a layer that the targets pass through in training, and whose inverse the outputs pass
            through in prediction, such as `ScaleTarget()`; it is fitted to each member's training rows.
        name: name of the kind of model, for messages.
    """

    layer: Layer = attrs.field(validator=instance_of_port(Layer))
    _loss: Loss = attrs.field(validator=instance_of_port(Loss))
    schema: Schema
    target: Layer | None = attrs.field(default=None, kw_only=True, validator=_check_target)
    name: str = attrs.field(default="Network", kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Check that layer, loss and target fit the schema."""
        problems = [*self._problems_of_layer(), *self._problems_of_target()]
        if problems:
            raise ConfigError(f"model: {problem}" for problem in problems)
        try:
            self._loss.check(self.schema.target.of_one)
        except ConfigError as error:
            raise ConfigError(f"model.loss: {problem}" for problem in error.problems) from error

    @property
    def info(self) -> ModelInfo:
        shapes = self.schema.input_shapes
        return ModelInfo(
            name=self.name,
            layers=tuple(summarize(self.layer, shapes)),
            input_shapes=shapes,
            output_shape=self.schema.target.output_shape,
            random=needs_key(self.layer, shapes),
            stateful=changes_buffers(self.layer, shapes),
            recurrent=is_recurrent(self.layer, shapes),
        )

    def init(self, rng: np.random.Generator) -> Variables:
        variables = self.layer.init(rng, self.schema.input_shapes)
        loss = {name: np.array(value, np.float64) for name, value in self._loss.settings.items()}
        own = {_LOSS: loss} if loss else {}
        if self.target is None:
            return _with_buffers(variables, own)
        of_target = self.target.init(rng, self.schema.target.output_shape)
        return _with_buffers(variables, {**own, _TARGET: of_target.buffers})

    def adapt(self, variables: Variables, rows: Rows, *, rng: np.random.Generator) -> Variables:
        blocks = Blocks.of_rows(rows)
        if isinstance(self.layer, SupportsAdapt):
            own = {name: variables.buffers[name] for name in (_LOSS, _TARGET) if name in variables.buffers}
            variables = _with_buffers(adapted(self.layer, variables, blocks, rng), own)
        if isinstance(self.target, SupportsAdapt) and rows.targets is not None:
            targets = with_inputs(blocks, _targets_of)
            of_target = adapted(self.target, child(variables, _TARGET), targets, rng)
            return _with_buffers(variables, {_TARGET: of_target.buffers})
        return variables

    def apply(self, variables: Variables, inputs: Mapping[str, Array], at: Pass) -> Array:
        return self._checked(applied(self.layer, self._own(variables), inputs, at), inputs)

    def update(self, variables: Variables, inputs: Mapping[str, Array], at: Pass) -> tuple[Array, Tree]:
        # Called only if the layer changes buffers, which it then has `update` for.
        assert isinstance(self.layer, SupportsUpdate)  # noqa: S101 - see above
        outputs, buffers = updated(self.layer, self._own(variables), inputs, at)
        return self._checked(outputs, inputs), {**variables.buffers, **buffers}

    def loss(self, variables: Variables, outputs: Array, targets: Array, at: Pass) -> Array:
        if self.target is not None:
            targets = self.target.apply(child(variables, _TARGET), targets, at)
        settings = variables.buffers.get(_LOSS, {})
        # Of a target with a shape, each place counts like a row.
        shape, rows = self.schema.target.shape, targets.shape[:1]
        outputs, targets = by_place(outputs, shape, xp=at.xp), by_place(targets, shape, xp=at.xp)
        if not isinstance(self._loss, BatchLoss):
            losses = self._loss.of_rows(outputs, targets, settings=settings, xp=at.xp)
            return mean_over_places(losses, shape, xp=at.xp)
        if at.training and rows == (1,):
            what = f"model.loss: {type(self._loss).__name__} is a loss of several rows, but is given one at a time"
            raise ConfigError([f"{what}: set a larger training.batch_size, or fewer parts in training.gradients"])
        weights = repeated(at.xp.ones(rows) if at.weights is None else at.weights, shape, xp=at.xp)
        loss = self._loss.of_batch(outputs, targets, weights, settings=settings, xp=at.xp)
        return at.xp.broadcast_to(loss, rows)

    def predict(self, variables: Variables, outputs: Array, *, xp: Namespace) -> Array:
        target = self.schema.target
        if target.kind is TargetKind.BINARY and outputs.shape[-1] == 1:
            return xp.concat([xp.sigmoid(-outputs), xp.sigmoid(outputs)], axis=-1)
        if target.is_classification:
            return xp.softmax(outputs, axis=-1)
        if target.kind is TargetKind.MULTILABEL:
            return xp.sigmoid(outputs)
        if isinstance(self._loss, SupportsPredictions):
            return self._loss.predictions(outputs, xp=xp)
        if self.target is None:
            return outputs
        assert isinstance(self.target, SupportsInverse)  # noqa: S101 - checked at the field
        return self.target.inverse(child(variables, _TARGET), outputs, xp=xp)

    def check_targets(self, targets: np.ndarray) -> None:
        if isinstance(self._loss, SupportsTargetCheck):
            self._loss.check_targets(targets)

    @property
    def settings(self) -> Mapping[str, float]:
        """Those of the loss, and `"dropout"` if the network has dropout layers, all of one rate."""
        rates = {layer.rate for _, layer in self._dropouts}
        of_loss = {f"{_OF_LOSS}{name}": value for name, value in self._loss.settings.items()}
        return {"dropout": rates.pop(), **of_loss} if len(rates) == 1 else of_loss

    def with_settings(self, variables: Variables, settings: Mapping[str, float]) -> Variables:
        self._check_settings(settings)
        numbers = {name: np.array(value, np.float64) for name, value in settings.items()}
        buffers = variables.buffers
        if "dropout" in numbers:
            for path, _ in self._dropouts:
                buffers = _replaced(buffers, (*path, "rate"), numbers["dropout"])
        if self._loss.settings:
            own = {name: numbers.get(f"{_OF_LOSS}{name}", value) for name, value in buffers[_LOSS].items()}
            buffers = {**buffers, _LOSS: own}
        return attrs.evolve(variables, buffers=buffers)

    def _check_settings(self, settings: Mapping[str, float]) -> None:
        """Raise `ConfigError` for values that the constructor of the dropout layer or the loss would reject."""
        loss = self._loss
        for name, value in settings.items():
            try:
                if name == "dropout":
                    Dropout(value)
                elif attrs.has(type(loss)):
                    attrs.evolve(loss, **{name.removeprefix(_OF_LOSS): value})  # type: ignore[misc] # checked by attrs.has
            except ValueError as error:
                raise ConfigError([f"model.{name}: {error.args[0]}"]) from error

    def _problems_of_layer(self) -> Iterator[str]:
        """Yield why the layer does not fit the schema."""
        target, shapes = self.schema.target, self.schema.input_shapes
        try:
            found = tuple(self.layer.output_shape(shapes))
        except (ValueError, KeyError) as error:
            what = error.args[0] if isinstance(error, ValueError) else f"the data has no {error} features"
            yield f"{self.name} can't take these rows: {what}"
            return
        fitting = {target.output_shape}
        if target.kind is TargetKind.BINARY:
            fitting.add((*target.shape, 1))
        if found not in fitting:
            wanted = " or ".join(map(str, sorted(fitting)))
            yield f"{self.name} must have outputs of shape {wanted} for the target {target.names[0]!r}, got {found}"
        if isinstance(self.layer, SupportsChildren):
            names = {name for name, _, _ in self.layer.children(shapes)}
            for name in sorted(names & {_LOSS, _TARGET}):
                yield f"{self.name} can't have a layer named {name!r}, which is a branch of the model: rename the layer"

    def _problems_of_target(self) -> Iterator[str]:
        """Yield why the layer for the targets does not fit the schema."""
        if self.target is None:
            return
        target, name = self.schema.target, type(self.target).__name__
        if not target.is_regression:
            yield f"{name} is a layer for targets that are numbers, but {target.names[0]!r} has classes"
            return
        shape = target.output_shape
        if (found := tuple(self.target.output_shape(shape))) != shape:
            yield f"{name} must keep the shape {shape} of the targets, got {found}"
        elif self.target.init(SizingGenerator(), shape).params:
            yield f"{name} can't be a layer for targets, since it has parameters, and nothing trains these"
        elif isinstance(self._loss, SupportsPredictions):
            yield f"{name} can't be combined with the loss {type(self._loss).__name__}, which needs targets as they are"

    def _own(self, variables: Variables) -> Variables:
        """Return the variables of the layer, without the model's own."""
        return attrs.evolve(
            variables, buffers={name: tree for name, tree in variables.buffers.items() if name not in {_LOSS, _TARGET}}
        )

    def _checked(self, outputs: Array, inputs: Mapping[str, Array]) -> Array:
        """Return the outputs if they have the shape that the layer states."""
        shapes = self.schema.input_shapes
        rows = inputs[next(iter(shapes))].shape[0]
        expected, found = (rows, *self.layer.output_shape(shapes)), tuple(outputs.shape)
        if found != expected:
            raise PortError(
                f"the outputs of {self.name} must have the shape {expected}, {rows} rows of its output_shape, got "
                f"{found}"
            )
        return outputs

    @property
    def _dropouts(self) -> list[tuple[tuple[str, ...], Dropout]]:
        return list(_dropouts_in(self.layer, self.schema.input_shapes))


def _dropouts_in(layer: Layer, shape: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Dropout]]:
    """Yield each dropout layer, with the names that lead to it."""
    if isinstance(layer, Dropout):
        yield path, layer
    elif isinstance(layer, SupportsChildren):
        for name, inside, inner in layer.children(shape):
            yield from _dropouts_in(inside, inner, (*path, name))


def _replaced(tree: Tree, path: tuple[str, ...], leaf: Array) -> Tree:
    """Return a tree with another leaf at a path."""
    name, *rest = path
    return {**tree, name: _replaced(tree[name], tuple(rest), leaf) if rest else leaf}


def _with_buffers(variables: Variables, more: Tree) -> Variables:
    return attrs.evolve(variables, buffers={**variables.buffers, **more})


def _targets_of(block: RowBlock) -> np.ndarray:
    assert block.targets is not None  # noqa: S101 - only rows with targets get here
    return block.targets
