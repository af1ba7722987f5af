"""What training gives back."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain.tree import Variables

__all__ = ["CVResult", "FoldResult", "LayerInfo", "ModelInfo", "TrainingResult", "ValidationResult"]


@attrs.frozen(kw_only=True)
class LayerInfo:
    """One line of a model's architecture.

    Attributes:
        name: its place in the model, such as `"trunk.0"`.
        description: what it is, such as `"Dense(in_features=30, out_features=64)"`.
        output_shape: of one row.
        parameters: how many numbers it learns.
    """

    name: str
    description: str
    output_shape: tuple[int, ...]
    parameters: int


@attrs.frozen(kw_only=True)
class ModelInfo:
    """What a model is made of.

    Attributes:
        name: the model's kind, such as `"MLP"`.
        layers: in the order rows pass through them.
        input_shapes: by input name, of one row.
        output_shape: of one row's prediction.
    """

    name: str
    layers: tuple[LayerInfo, ...]
    input_shapes: Mapping[str, tuple[int, ...]]
    output_shape: tuple[int, ...]

    @property
    def parameter_count(self) -> int:
        """How many numbers it learns."""
        return sum(layer.parameters for layer in self.layers)


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
        history: by name (`"train_loss"`, `"stop_loss"`), one value an epoch, float64; NaN where
            there was none.
        seconds: wall time of the chunk it trained in.
    """

    member: int
    variables: Variables
    epochs: int
    best_epoch: int
    final_loss: float
    best_loss: float
    history: Mapping[str, np.ndarray]
    seconds: float


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
        folds: in order.
        seconds: wall time of all of it.
    """

    folds: tuple[FoldResult, ...]
    seconds: float

    @property
    def mean(self) -> dict[str, float]:
        """The mean over folds of the loss and of each metric."""
        return {name: float(np.mean(values)) for name, values in self._columns().items()}

    @property
    def std(self) -> dict[str, float]:
        """The population standard deviation over folds (ddof 0, as in NumPy), named as in `mean`."""
        return {name: float(np.std(values)) for name, values in self._columns().items()}

    def _columns(self) -> dict[str, list[float]]:
        names = self.folds[0].validation.metrics
        columns = {"loss": [fold.validation.loss for fold in self.folds]}
        return columns | {name: [fold.validation.metrics[name] for fold in self.folds] for name in names}
