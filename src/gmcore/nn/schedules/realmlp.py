"""The schedules of RealMLP."""

import attrs
import numpy as np
from attrs.validators import and_, ge, le, lt

from gmcore.nn.schedules.timing import Time, Timed

__all__ = ["CosLog", "FlatCos"]


@attrs.frozen(kw_only=True)
class CosLog(Timed):
    """Cosine waves from 0 up to 1 and back to 0, each about twice as long as the one before.

    The first step has a factor of 0.

    Formula:
        `factor = (1 - cos(2π · log₂(1 + (2^cycles - 1) · p))) / 2` with `p = step / total_steps`.

    Source:
        Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
        data" (2024): the learning rate's `coslog4`.

    Attributes:
        cycles: number of waves.
    """

    cycles: int = attrs.field(default=4, validator=and_(ge(1), le(64)))

    def at(self, time: Time) -> np.ndarray:
        waves = np.log2(1 + (2.0**self.cycles - 1) * time.progress(time.total))
        return (1 - np.cos(2 * np.pi * waves)) / 2


@attrs.frozen(kw_only=True)
class FlatCos(Timed):
    """A factor of 1 for a part of training, then half a cosine down to 0.

    Formula:
        `factor = 1` for `p < flat_fraction`, else `(1 + cos(π · (p - flat_fraction) / (1 - flat_fraction))) / 2`, with
        `p = step / total_steps`.

    Source:
        Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
        data" (2024): `flat_cos`, for weight decay and dropout.

    Attributes:
        flat_fraction: part of training with a factor of 1, from 0 to below 1.
    """

    flat_fraction: float = attrs.field(default=0.5, validator=and_(ge(0.0), lt(1.0)))

    def at(self, time: Time) -> np.ndarray:
        falling = np.maximum(0.0, time.progress(time.total) - self.flat_fraction) / (1 - self.flat_fraction)
        return (1 + np.cos(np.pi * falling)) / 2
