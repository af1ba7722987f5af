"""What a command gives back, to code and as JSON values."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from gmcore.app.records.trained_model import TrainedModel
from gmcore.domain import CVResult, TrainingResult, TrialResult, ValidationResult

__all__ = ["CrossValidated", "Searched", "Trained", "trial_reports"]

_OF_THE_SEARCH = ("run", "seconds", "profile")


@attrs.frozen(kw_only=True, eq=False)
class Trained:
    """What `train` gives back.

    Attributes:
        model: ready to predict and to be saved.
        training: epochs, history and weights.
        train: how it does on the rows it was trained on.
        validation: on the rows that steered early stopping; None without any.
        test: on the rows that nothing saw; None without any.
        folder: the run folder; None if none was asked for.
        seconds: wall time of all of it.
        profile: where the time went and what was taken: seconds by phase, such as `"compiling_seconds"`, counts of
            `"compilations"` and of the loop's `"reads"`, `"peak_memory"` and `"active_memory"` in bytes.
    """

    model: TrainedModel
    training: TrainingResult
    train: ValidationResult
    validation: ValidationResult | None
    test: ValidationResult | None
    folder: Path | None
    seconds: float
    profile: Mapping[str, float]

    @property
    def report(self) -> dict[str, object]:
        """The same as JSON values."""
        scored = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            "run": self.folder,
            "model": self.folder / "model.safetensors" if self.folder else None,
            "epochs": self.training.epochs,
            "best_epoch": self.training.best_epoch,
            **{name: {"loss": one.loss, **one.metrics} for name, one in scored.items() if one is not None},
            "seconds": self.seconds,
            "profile": dict(self.profile),
        }


@attrs.frozen(kw_only=True, eq=False)
class CrossValidated:
    """What `cross_validate` gives back.

    Attributes:
        result: the folds, their mean and spread.
        folder: the run folder; None if none was asked for.
        profile: as in `Trained`.
    """

    result: CVResult
    folder: Path | None
    profile: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """Wall time of training and scoring."""
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
    """What `search` gives back.

    Attributes:
        metric: the name of the score by which trials are ranked.
        higher_is_better: whether more of it is.
        trials: all of them, the best first, those that failed last.
        winner: a model with the best trial's settings, trained on all rows but the test rows.
        folder: the run folder; None if none was asked for.
        seconds: wall time of all of it.
        profile: as in `Trained`, of all trials and the winner together.
    """

    metric: str
    higher_is_better: bool
    trials: tuple[TrialResult, ...]
    winner: Trained
    folder: Path | None
    seconds: float
    profile: Mapping[str, float]

    @property
    def best(self) -> TrialResult:
        """The trial that won."""
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
            "winner": {name: value for name, value in self.winner.report.items() if name not in _OF_THE_SEARCH},
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
