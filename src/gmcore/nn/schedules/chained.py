"""Several schedules: their product, or one after the other."""

from collections.abc import Iterator
from itertools import pairwise

import attrs
import numpy as np

from gmcore.nn.schedules.milestones import Milestones
from gmcore.nn.schedules.timing import Time, check_duration
from gmcore.nn.settings import instance_of_port
from gmcore.ports import Feedback, Schedule, SupportsFeedback

__all__ = ["Chained"]


def _check_schedules(chained: "Chained", attribute: "attrs.Attribute[object]", found: object) -> None:
    if not isinstance(found, tuple | list) or not found:
        raise ValueError(f"{attribute.name} must be a list of schedules, at least one, got {found!r:.60}")
    for one in found:
        instance_of_port(Schedule)(chained, attribute, one)


@attrs.frozen(kw_only=True)
class Chained(Milestones, SupportsFeedback):
    """Several schedules: all at once, as a product, or with milestones one after the other.

    With milestones, one fewer than schedules, each schedule starts at its step 0 when the one before it ends; its
    training is the steps up to the next milestone. A schedule that reacts to the loss, at most one, needs the product,
    since it reacts to all epochs.

    Formula:
        `factor = Π sᵢ(step, total_steps)`, or with milestones `0 = m₀ < m₁ < … < mₙ = total_steps`, in `steps`,
        `epochs` or `fractions` of training, `factor = sᵢ(step - mᵢ, mᵢ₊₁ - mᵢ)` for `mᵢ ≤ step < mᵢ₊₁`.

    Source:
        `torch.optim.lr_scheduler.ChainedScheduler` without milestones, `SequentialLR` with them.

    Attributes:
        schedules: the schedules, at least one.
    """

    schedules: tuple[Schedule, ...] = attrs.field(validator=_check_schedules)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        for form, milestones in self.given.items():
            if len(milestones) != len(self.schedules) - 1:
                raise ValueError(
                    f"{form} must be one fewer than schedules: {len(self.schedules) - 1} milestones, got "
                    f"{len(milestones)}"
                )
        if len(self._reacting) > (0 if self.given else 1):
            raise ValueError(
                "a schedule that reacts to the loss can be in a product alone, and there at most once, got "
                f"{len(self._reacting)} of them{' and milestones' if self.given else ''}"
            )

    @property
    def _reacting(self) -> list[Feedback]:
        found = (one.feedback for one in self.schedules if isinstance(one, SupportsFeedback))
        return [one for one in found if one is not None]

    @property
    def feedback(self) -> Feedback | None:
        """That of the schedule that reacts to the loss."""
        return next(iter(self._reacting), None)

    def factor(self, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray) -> np.ndarray:
        if not self.given:
            return np.asarray(
                np.prod([one.factor(step, total_steps, steps_per_epoch) for one in self.schedules], axis=0)
            )
        time = Time.of(step, total_steps, steps_per_epoch, "step")
        found = np.ones(np.broadcast_shapes(step.shape, total_steps.shape, steps_per_epoch.shape))
        for schedule, start, length in self._parts(time):
            part = schedule.factor(np.maximum(0.0, time.now - start), np.maximum(1.0, length), steps_per_epoch)
            found = np.where(time.now >= start, part, found)
        return found

    def check(self, total_steps: int, steps_per_epoch: int) -> None:
        super().check(total_steps, steps_per_epoch)
        time = Time.of(np.array(0), np.array(total_steps), np.array(steps_per_epoch), "step")
        for schedule, _, length in self._parts(time):
            check_duration(schedule, int(length), steps_per_epoch)

    def _parts(self, time: Time) -> Iterator[tuple[Schedule, np.ndarray, np.ndarray]]:
        """Yield each schedule with its start and its length in steps; without milestones, those of training."""
        places = [np.array(0.0), *self.milestones(time), time.total]
        parts = pairwise(places) if self.given else [(places[0], places[-1])] * len(self.schedules)
        for schedule, (start, end) in zip(self.schedules, parts, strict=True):
            yield schedule, start, end - start
