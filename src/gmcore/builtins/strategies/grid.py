"""Search strategy: all combinations of the listed values."""

import itertools
import math
from collections.abc import Iterator

import attrs

from gmcore.builtins.strategies.fixed import FixedStudy
from gmcore.domain import Range, SearchSpace
from gmcore.domain.searching.search_space import MOST_TRIALS
from gmcore.errors import ConfigError
from gmcore.ports import SearchStrategy

__all__ = ["Grid"]


@attrs.frozen(kw_only=True)
class Grid(SearchStrategy):
    """All combinations of the listed values, the last setting changing fastest."""

    def study(self, space: SearchSpace, *, seed: int, higher_is_better: bool) -> FixedStudy:  # noqa: ARG002 - not needed
        lists = {path: values for path, values in space.items() if not isinstance(values, Range)}
        problems = [
            f'search.space.{path}: a grid requires a list of values; a range requires strategy = "random"'
            for path in space
            if path not in lists
        ]
        count = math.prod(map(len, lists.values()))
        if count > MOST_TRIALS:
            problems.append(
                f"search.space: the grid has {count:,} combinations, more than {MOST_TRIALS:,}: "
                'list fewer values, or set strategy = "random"'
            )
        if problems:
            raise ConfigError(problems)
        return FixedStudy(_combinations(lists))


def _combinations(lists: dict[str, tuple[object, ...]]) -> Iterator[dict[str, object]]:
    for values in itertools.product(*lists.values()):
        yield dict(zip(lists, values, strict=True))
