"""A study whose trials do not depend on scores."""

import itertools
from collections.abc import Iterator, Mapping

import attrs

from gmcore.ports import Study

__all__ = ["FixedStudy"]


@attrs.define(eq=False)
class FixedStudy(Study):
    """A study that proposes given trials, whatever their scores.

    Attributes:
        upcoming: the settings of the trials that were not asked yet.
    """

    upcoming: Iterator[Mapping[str, object]]
    _asked: int = attrs.field(init=False, default=0)

    def ask(self, count: int) -> list[Mapping[str, object]]:
        trials = list(itertools.islice(self.upcoming, count))
        self._asked += len(trials)
        return trials

    def tell(self, trial: int, step: int, value: float) -> None:  # noqa: ARG002 - scores change nothing
        if not 0 <= trial < self._asked:
            raise ValueError(f"trial must be one of the {self._asked} that ask has returned, from 0, got {trial}")
