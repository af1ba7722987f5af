"""Label smoothing: the base of the losses that have it, and smoothed labels."""

from collections.abc import Mapping

import attrs
from attrs.validators import and_, ge, lt

from gmcore.domain import Array
from gmcore.nn.settings import member_field, settings_of
from gmcore.ports import Loss

__all__ = ["SmoothedLoss", "smoothed"]


@attrs.frozen(kw_only=True)
class SmoothedLoss(Loss):
    """Base of losses with label smoothing; a setting of 0 drops out of their formulas, so it is none of the members."""

    label_smoothing: float = member_field(default=0.0, validator=and_(ge(0.0), lt(1.0)))

    @property
    def settings(self) -> Mapping[str, float]:
        return {name: value for name, value in settings_of(self).items() if value}


def smoothed(shares: Array, classes: int, settings: Mapping[str, Array]) -> Array:
    """Return shares of classes of which the share `label_smoothing` is spread over all classes evenly, if it is set."""
    if "label_smoothing" not in settings:
        return shares
    spread = settings["label_smoothing"]
    return (1 - spread) * shares + spread / classes
