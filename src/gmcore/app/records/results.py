"""The results of the commands, as objects and as JSON values."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from gmcore.app.records.trained_model import TrainedModel
from gmcore.domain import CVResult, TrainingResult, TrialResult, ValidationResult
from gmcore.domain.short_repr import few

__all__ = ["CrossValidated", "Searched", "Trained", "trial_reports"]

_KEYS_OF_THE_SEARCH = ("run", "seconds", "profile")


@attrs.frozen(kw_only=True, eq=False)
class Trained:
    """The result of `train`.

    Attributes:
        model: the trained model.
        result: its epochs, history and variables.
        train: scores on the training rows.
        validation: scores on the rows for early stopping; None if there are none.
        test: scores on the test rows; None if there are none.
        folder: the run folder; None if none was created.
        seconds: wall-clock seconds of the command.
        profile: seconds by phase, such as `"compiling_seconds"`; counts of `"compilations"` and of the loop's
            `"reads"`; `"peak_memory"` and `"active_memory"` in bytes.
    """

    model: TrainedModel
    result: TrainingResult
    train: ValidationResult
    validation: ValidationResult | None
    test: ValidationResult | None
    folder: Path | None
    seconds: float
    profile: Mapping[str, float] = attrs.field(repr=False)

    @property
    def report(self) -> dict[str, object]:
        """The same as JSON values."""
        scored = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            "run": self.folder,
            "model": self.folder / "model.safetensors" if self.folder else None,
            "epochs": self.result.epochs,
            "best_epoch": self.result.best_epoch,
            **{name: {"loss": one.loss, **one.metrics} for name, one in scored.items() if one is not None},
            "seconds": self.seconds,
            "profile": dict(self.profile),
        }


@attrs.frozen(kw_only=True, eq=False)
class CrossValidated:
    """The result of `cross_validate`.

    Attributes:
        result: the results of the folds, with mean and standard deviation.
        folder: the run folder; None if none was created.
        profile: as in `Trained`.
    """

    result: CVResult
    folder: Path | None
    profile: Mapping[str, float] = attrs.field(repr=False)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of training and scoring."""
        return self.result.seconds

    @property
    def report(self) -> dict[str, object]:
        """The same as JSON values."""
        folds = [
            {
                "index": fold.index,
                "loss": fold.validation.loss,
                "best_epoch": fold.training.best_epoch,
                "epochs": fold.training.epochs,
                "metrics": dict(fold.validation.metrics),
                "failure": fold.training.failure and str(fold.training.failure),
            }
            for fold in self.result.folds
        ]
        mean, std, seconds = self.result.mean, self.result.std, self.seconds
        failed = [fold.index for fold in self.result.failed_folds]
        return {
            "run": self.folder,
            "folds": folds,
            "failed_folds": failed,
            "mean": mean,
            "std": std,
            "seconds": seconds,
            "profile": dict(self.profile),
        }


@attrs.frozen(kw_only=True, eq=False)
class Searched:
    """The result of `search`.

    Attributes:
        metric: name of the score that ranks trials.
        higher_is_better: whether higher scores are better.
        trials: all trials from best to worst, failed ones last.
        winner: the model with the settings of the best trial, trained on all rows except the test rows.
        folder: the run folder; None if none was created.
        seconds: wall-clock seconds of the command.
        profile: as in `Trained`, for all trials and the winner.
    """

    metric: str
    higher_is_better: bool
    trials: tuple[TrialResult, ...] = attrs.field(repr=few)
    winner: Trained
    folder: Path | None
    seconds: float
    profile: Mapping[str, float] = attrs.field(repr=False)

    @property
    def best(self) -> TrialResult:
        """The best trial."""
        return self.trials[0]

    @property
    def report(self) -> dict[str, object]:
        """The same as JSON values."""
        return {
            "run": self.folder,
            "metric": self.metric,
            "better": "higher" if self.higher_is_better else "lower",
            "trials": trial_reports(self.trials),
            "best": dict(self.best.settings),
            "winner": {name: value for name, value in self.winner.report.items() if name not in _KEYS_OF_THE_SEARCH},
            "seconds": self.seconds,
            "profile": dict(self.profile),
        }


def trial_reports(trials: Sequence[TrialResult]) -> list[dict[str, object]]:
    """Return ranked trials as JSON values."""
    return [
        {
            "rank": rank,
            "trial": trial.index,
            "settings": dict(trial.settings),
            "mean": trial.mean,
            "std": trial.std,
            "folds": {name: values.tolist() for name, values in trial.scores.items()},
            "epochs": trial.epochs.tolist(),
            "failed": trial.failed,
            "failure": trial.failure,
        }
        for rank, trial in enumerate(trials, start=1)
    ]
