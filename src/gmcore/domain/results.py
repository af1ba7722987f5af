"""What training gives back."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain.tree import Variables

__all__ = ["CVResult", "Failure", "FoldResult", "LayerInfo", "ModelInfo", "TrainingResult", "ValidationResult"]


@attrs.frozen(kw_only=True)
class LayerInfo:
    """One line of a model's architecture.

    Attributes:
        name: its place in the model, such as `"trunk.0"`.
        description: what it is, such as `"Dense(in_features=30, out_features=64)"`.
        output_shape: of one row.
        parameters: how many numbers it learns.
        random: whether it draws numbers in training.
        stateful: whether it changes its buffers in training.
        buffers: how many numbers it remembers without learning them.
    """

    name: str
    description: str
    output_shape: tuple[int, ...]
    parameters: int
    random: bool = False
    stateful: bool = False
    buffers: int = 0


@attrs.frozen(kw_only=True)
class ModelInfo:
    """What a model is made of.

    Attributes:
        name: the model's kind, such as `"MLP"`.
        layers: in the order rows pass through them.
        input_shapes: by input name, of one row.
        output_shape: of one row's prediction.
        random: whether `apply` uses its key in training; a model that says no is given none.
        stateful: whether `apply` changes buffers in training; one that says no trains a little faster.
    """

    name: str
    layers: tuple[LayerInfo, ...]
    input_shapes: Mapping[str, tuple[int, ...]]
    output_shape: tuple[int, ...]
    random: bool = True
    stateful: bool = True

    @property
    def parameter_count(self) -> int:
        """How many numbers it learns."""
        return sum(layer.parameters for layer in self.layers)


@attrs.frozen(kw_only=True)
class Failure:
    """Why a member stopped learning: at one step the loss, the gradient or what it made of the weights was not finite.

    Attributes:
        epoch: in which it happened, from 1.
        step: of that epoch, from 1.
        loss: the step's mean loss.
        largest_gradient: the largest absolute value in the step's gradient, NaN if one was in it.
        parameter: where that is, such as `"trunk.0.weight"`.
        largest_weight: the largest absolute value among the weights before the step.
        learning_rate: of the step.
    """

    epoch: int
    step: int
    loss: float
    largest_gradient: float
    parameter: str
    largest_weight: float
    learning_rate: float

    def __str__(self) -> str:
        return (
            f"the loss was {self.loss:g} at step {self.step} of epoch {self.epoch}, its largest gradient "
            f"{self.largest_gradient:g}, in {self.parameter}, and the largest weight {self.largest_weight:g}; lower "
            f"the learning rate (it was {self.learning_rate:g}) or look for extreme values in the data"
        )


@attrs.frozen(kw_only=True, eq=False)
class TrainingResult:
    """What became of one member.

    Attributes:
        member: its index.
        variables: what it learnt, NumPy arrays: the best epoch's, or the last one's.
        epochs: how many it trained.
        best_epoch: the epoch, from 1, whose weights it has under early stopping; else the last.
        final_loss: training loss of its last epoch, weighted mean over samples.
        best_loss: the lowest loss on its stop rows; its final training loss where it has none.
        history: by name (`"train_loss"`, `"stop_loss"`, and of the stop rows, where it has any, each metric that can
            be had from sums, such as `"stop_accuracy"`), one value an epoch, float64; NaN where there was none.
        seconds: wall time of the chunk it trained in.
        failure: why it stopped before its time; its variables are then those of its best epoch before, or of
            the last one that was sound.
    """

    member: int
    variables: Variables
    epochs: int
    best_epoch: int
    final_loss: float
    best_loss: float
    history: Mapping[str, np.ndarray]
    seconds: float
    failure: Failure | None = None


@attrs.frozen(kw_only=True, eq=False)
class ValidationResult:
    """How good a trained member is on given rows.

    Attributes:
        loss: mean over samples, by weight.
        metrics: by name.
        n_samples: how many rows were scored.
        predictions: probabilities `(rows, classes)`, or values `(rows, targets)`, float64.
        seconds: wall time.
    """

    loss: float
    metrics: Mapping[str, float]
    n_samples: int
    predictions: np.ndarray
    seconds: float


@attrs.frozen(kw_only=True, eq=False)
class FoldResult:
    """How one fold went: trained on its own rows, scored on those held out."""

    index: int
    training: TrainingResult
    validation: ValidationResult


@attrs.frozen(kw_only=True, eq=False)
class CVResult:
    """How a cross-validation went.

    Attributes:
        folds: in order, those that failed too: they are scored with the weights they had before.
        seconds: wall time of all of it.
    """

    folds: tuple[FoldResult, ...]
    seconds: float

    @property
    def failed_folds(self) -> tuple[FoldResult, ...]:
        """Those whose model could not go on."""
        return tuple(fold for fold in self.folds if fold.training.failure is not None)

    @property
    def mean(self) -> dict[str, float]:
        """The mean of the loss and of each metric over the folds that did not fail; NaN where all did."""
        return {name: float(np.mean(values or [np.nan])) for name, values in self._columns().items()}

    @property
    def std(self) -> dict[str, float]:
        """The population standard deviation over the same folds (ddof 0, as in NumPy), named as in `mean`."""
        with np.errstate(invalid="ignore"):  # of infinity it is NaN
            return {name: float(np.std(values or [np.nan])) for name, values in self._columns().items()}

    def _columns(self) -> dict[str, list[float]]:
        sound = [fold.validation for fold in self.folds if fold.training.failure is None]
        columns = {"loss": [one.loss for one in sound]}
        return columns | {name: [one.metrics[name] for one in sound] for name in self.folds[0].validation.metrics}
