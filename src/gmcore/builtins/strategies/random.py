"""Search strategy: combinations that are drawn at random."""

from collections.abc import Iterator

import attrs
import numpy as np
from attrs.validators import ge

from gmcore.builtins.strategies.fixed import FixedStudy
from gmcore.domain import Range, SearchSpace, generator
from gmcore.domain.searching.search_space import MOST_TRIALS
from gmcore.ports import SearchStrategy

__all__ = ["Random"]


def _not_too_many(_: object, __: object, value: int) -> None:
    if value > MOST_TRIALS:
        raise ValueError(f"must be at most {MOST_TRIALS:,}, got {value:,}")


@attrs.frozen(kw_only=True)
class Random(SearchStrategy):
    """Combinations of values and of numbers from ranges, each drawn independently.

    A trial depends on the run's seed and on its own number only, so a search with more trials begins with the same.

    Attributes:
        trials: number of combinations.
    """

    trials: int = attrs.field(default=20, validator=[ge(1), _not_too_many])

    def study(self, space: SearchSpace, *, seed: int, higher_is_better: bool) -> FixedStudy:  # noqa: ARG002 - not needed
        return FixedStudy(_drawn_trials(space, seed, self.trials))


def _drawn_trials(space: SearchSpace, seed: int, trials: int) -> Iterator[dict[str, object]]:
    for trial in range(trials):
        rng = generator(seed, "search", trial)
        # Sorted, so that the order in the file does not matter.
        drawn = {path: _drawn(space[path], rng) for path in sorted(space)}
        yield {path: drawn[path] for path in space}


def _drawn(entry: tuple[object, ...] | Range, rng: np.random.Generator) -> object:
    return entry.draw(rng) if isinstance(entry, Range) else entry[rng.integers(len(entry))]
