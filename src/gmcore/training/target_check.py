"""The check of target values, which losses on a device can't make."""

from gmcore.domain import Rows
from gmcore.errors import DataError
from gmcore.ports import Model, SupportsTargetCheck

__all__ = ["check_targets"]


def check_targets(model: Model, rows: Rows) -> None:
    """Check that class indices are those of classes, and that the model's loss can be computed for the targets.

    Raises:
        DataError: if a row has a target of another value.
    """
    target, targets = rows.schema.target, rows.targets
    if targets is None or not len(targets):
        return
    if target.is_classification and not 0 <= targets.min() <= targets.max() < target.width:
        wrong = (targets < 0) | (targets >= target.width)
        row = int(wrong.reshape(len(targets), -1).any(axis=1).argmax())
        raise DataError(
            f"the targets of {target.names[0]!r} must be class indices from 0 to {target.width - 1}, got "
            f"{targets[row][wrong[row]].flat[0]} in row {row}"
        )
    if isinstance(model, SupportsTargetCheck):
        model.check_targets(targets)
