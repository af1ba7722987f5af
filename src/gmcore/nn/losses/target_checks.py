"""Checks that a loss fits the kind of a target, with one wording of the error."""

from gmcore.domain import Target, TargetKind
from gmcore.errors import ConfigError

__all__ = ["refusal", "require_classes", "require_labels", "require_numbers"]


def require_numbers(target: Target, *, loss: str) -> None:
    """Raise ConfigError if the target holds classes."""
    if not target.is_regression:
        use = _usual(target)
        if target.is_classification:
            use += ', or, if its values are amounts, say so to the data provider: task = "regression"'
        raise refusal(target, needs=f"{loss} needs numbers", holds=_held(target), use=use)


def require_classes(target: Target, *, loss: str) -> None:
    """Raise ConfigError if the target holds numbers."""
    if not target.is_classification:
        raise refusal(target, needs=f"{loss} needs classes", holds=_held(target), use=_usual(target))


def require_labels(target: Target, *, loss: str) -> None:
    """Raise ConfigError if the target holds numbers, neither classes nor several labels."""
    if target.is_regression:
        raise refusal(target, needs=f"{loss} needs classes", holds=_held(target), use=_usual(target))


def refusal(target: Target, *, needs: str, holds: str, use: str) -> ConfigError:
    """Return the error for a target that a loss can't be computed for.

    Args:
        target: the target.
        needs: what the loss needs, such as `"mse needs numbers"`.
        holds: what the target holds instead, such as `"classes"`.
        use: name of the loss to suggest.
    """
    names = ", ".join(map(repr, target.names))
    subject = f"the targets {names} hold" if len(target.names) > 1 else f"the target {names} holds"
    return ConfigError([f"{needs}, and {subject} {holds}: use {use}"])


def _held(target: Target) -> str:
    """Return what a target holds, for messages."""
    return "classes" if target.is_classification else "numbers" if target.is_regression else "several labels"


def _usual(target: Target) -> str:
    """Return the name of the loss that most models have for a target."""
    return {TargetKind.REGRESSION: "mse", TargetKind.MULTILABEL: "binary_cross_entropy"}.get(
        target.kind, "cross_entropy"
    )
