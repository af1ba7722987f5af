"""The results of training and validation."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain.short_repr import names_of, shape_of
from gmcore.domain.tree import Variables

__all__ = ["CVResult", "Failure", "FoldResult", "LayerInfo", "ModelInfo", "TrainingResult", "ValidationResult"]


@attrs.frozen(kw_only=True)
class LayerInfo:
    """One layer in the summary of a model.

    Attributes:
        name: its place in the model, such as `"trunk.0"`.
        description: the layer and its settings, such as `"Dense(in_features=30, out_features=64)"`.
        output_shape: shape of one output row.
        parameters: number of trained parameters.
        random: whether it draws random numbers in training.
        stateful: whether it changes its buffers in training.
        buffers: number of values in its buffers.
        shared: number of values that are held once for all members and not trained.
    """

    name: str
    description: str
    output_shape: tuple[int, ...]
    parameters: int
    random: bool = False
    stateful: bool = False
    buffers: int = 0
    shared: int = 0


@attrs.frozen(kw_only=True)
class ModelInfo:
    """The structure of a model.

    Attributes:
        name: kind of model, such as `"MLP"`.
        layers: in the order in which rows pass through them.
        input_shapes: shape of one row, by input name.
        output_shape: shape of one prediction.
        random: whether `apply` needs a key in training; if not, it gets none.
        stateful: whether training changes buffers, through the model's method `update`.
        recurrent: whether a layer passes a state from step to step, through which gradients can be cut.
    """

    name: str
    layers: tuple[LayerInfo, ...]
    input_shapes: Mapping[str, tuple[int, ...]]
    output_shape: tuple[int, ...]
    random: bool = True
    stateful: bool = False
    recurrent: bool = False

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters."""
        return sum(layer.parameters for layer in self.layers)


@attrs.frozen(kw_only=True)
class Failure:
    """Where the training of a member failed: the step whose loss, gradient or new weights were not finite.

    Attributes:
        epoch: number of the epoch, from 1.
        step: number of the step in that epoch, from 1.
        loss: mean loss of the step.
        largest_gradient: largest absolute value in the step's gradient; NaN if the gradient contains NaN.
        parameter: the parameter whose gradient has that value, such as `"trunk.0.weight"`.
        largest_weight: largest absolute value among the parameters before the step.
        learning_rate: learning rate of the step.
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
            f"the loss was {self.loss:g} at step {self.step} of epoch {self.epoch}, with largest gradient "
            f"{self.largest_gradient:g} (in {self.parameter}) and largest weight {self.largest_weight:g}; "
            f"lower the learning rate (it was {self.learning_rate:g}) or check the data for extreme values"
        )


@attrs.frozen(kw_only=True, eq=False)
class TrainingResult:
    """The result of training one member.

    Attributes:
        member: the member's index.
        variables: its trained variables, NumPy arrays: the best epoch's, or the last one's.
        epochs: number of epochs trained.
        best_epoch: number of the epoch, from 1, that `variables` are from.
        final_loss: training loss of the last epoch, weighted mean over samples.
        best_loss: lowest loss on the stop rows; the final training loss if there are none.
        history: one value per epoch, float64, by name: `"train_loss"`, `"stop_loss"`, which is NaN without stop rows,
            and with stop rows each metric that can be computed from sums, such as `"stop_accuracy"`.
        seconds: wall time of the chunk it trained in.
        failure: why its training failed, if it did; `variables` are then those of the best or last epoch before that.
    """

    member: int
    variables: Variables = attrs.field(repr=False)
    epochs: int
    best_epoch: int
    final_loss: float
    best_loss: float
    history: Mapping[str, np.ndarray] = attrs.field(repr=names_of)
    seconds: float
    failure: Failure | None = None


@attrs.frozen(kw_only=True, eq=False)
class ValidationResult:
    """The scores of a trained member on some rows.

    Attributes:
        loss: weighted mean over samples.
        metrics: by name.
        n_samples: number of rows.
        predictions: probabilities `(rows, classes)`, or values `(rows, targets)`, float64.
        seconds: wall time.
    """

    loss: float
    metrics: Mapping[str, float]
    n_samples: int
    predictions: np.ndarray = attrs.field(repr=shape_of)
    seconds: float


@attrs.frozen(kw_only=True, eq=False)
class FoldResult:
    """The result of one fold: trained on its training rows, scored on the held-out rows."""

    index: int
    training: TrainingResult
    validation: ValidationResult


@attrs.frozen(kw_only=True, eq=False)
class CVResult:
    """The result of a cross-validation.

    Attributes:
        folds: in order; failed ones too, scored with the weights from before the failure.
        seconds: wall time of the whole cross-validation.
    """

    folds: tuple[FoldResult, ...]
    seconds: float

    def __repr__(self) -> str:
        failed = f", {len(self.failed_folds)} failed" if self.failed_folds else ""
        scores = f"mean={self.mean}, std={self.std}"
        return f"CVResult({len(self.folds)} folds{failed}, {scores}, seconds={self.seconds:.3g})"

    @property
    def failed_folds(self) -> tuple[FoldResult, ...]:
        """The folds whose training failed."""
        return tuple(fold for fold in self.folds if fold.training.failure is not None)

    @property
    def mean(self) -> dict[str, float]:
        """Mean of the loss and of each metric over the folds that did not fail; NaN if all did."""
        return {name: float(np.mean(values or [np.nan])) for name, values in self._columns().items()}

    @property
    def std(self) -> dict[str, float]:
        """Population standard deviation (ddof 0) over the same folds, with the names of `mean`."""
        with np.errstate(invalid="ignore"):  # of infinity it is NaN
            return {name: float(np.std(values or [np.nan])) for name, values in self._columns().items()}

    def _columns(self) -> dict[str, list[float]]:
        sound = [fold.validation for fold in self.folds if fold.training.failure is None]
        columns = {"loss": [one.loss for one in sound]}
        return columns | {name: [one.metrics[name] for one in sound] for name in self.folds[0].validation.metrics}
