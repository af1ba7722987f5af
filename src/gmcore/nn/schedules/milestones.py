"""Milestones of training: rising steps, epochs or fractions."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np

from gmcore.errors import ConfigError
from gmcore.nn.schedules.timing import Time
from gmcore.ports import Schedule, SupportsDuration

__all__ = ["Milestones"]

_FORMS = ("steps", "epochs", "fractions")


def _rising(below: float = math.inf) -> Callable[[object, "attrs.Attribute[Any]", object], None]:
    """Return an attrs validator of rising numbers above 0 and below a limit."""
    limit = "" if below == math.inf else f" and below {below:g}"

    def check(_: object, attribute: "attrs.Attribute[Any]", found: object) -> None:
        numbers = found if isinstance(found, tuple | list) else (math.nan,)
        if not all(one < other for one, other in pairwise((0, *numbers, below))):
            raise ValueError(f"{attribute.name} must be a list of rising numbers above 0{limit}, got {found!r:.60}")

    return check


@attrs.frozen(kw_only=True)
class Milestones(Schedule, SupportsDuration):
    """Base of schedules with milestones, of which at most one form is given. They are rounded to whole steps.

    Attributes:
        steps: milestones in steps.
        epochs: milestones in epochs of the member.
        fractions: milestones as fractions of the whole training, or for a schedule within another one, of its part.
    """

    steps: tuple[int, ...] = attrs.field(default=(), validator=_rising())
    epochs: tuple[float, ...] = attrs.field(default=(), validator=_rising())
    fractions: tuple[float, ...] = attrs.field(default=(), validator=_rising(below=1.0))

    def __attrs_post_init__(self) -> None:
        if len(self.given) > 1:
            raise ValueError(f"give one of steps, epochs and fractions, got {' and '.join(self.given)}")

    @property
    def given(self) -> dict[str, Sequence[float]]:
        """The form in which milestones are given, with its values; empty if there are none."""
        return {name: values for name in _FORMS if (values := getattr(self, name))}

    def milestones(self, time: Time) -> list[np.ndarray]:
        """Return the milestones in steps, each of a shape that broadcasts with `time`, which is counted in steps."""
        units = {"steps": time.unit, "epochs": time.epoch, "fractions": time.total}
        return [np.rint(one * units[form]) for form, values in self.given.items() for one in values]

    def check(self, total_steps: int, steps_per_epoch: int) -> None:
        time = Time.of(np.array(0), np.array(total_steps), np.array(steps_per_epoch), "step")
        for form, values in self.given.items():
            if form != "fractions" and any(milestone >= total_steps for milestone in self.milestones(time)):
                where = f"{type(self).__name__}: the milestones {form} = {list(values)} must be within training"
                raise ConfigError([f"{where}, which has {total_steps} steps, {steps_per_epoch} an epoch"])
