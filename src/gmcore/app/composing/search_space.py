"""The `[search]` table: what is tried, and in which combinations."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import ge, in_, optional

from gmcore.domain import generator
from gmcore.errors import ConfigError, did_you_mean
from gmcore.registry import structure

__all__ = ["Range", "SearchTable", "combinations", "space_problems"]

HEADS = ("seed", "model", "training")
"""The parts of a run file that can be searched; the others are what trials are compared on."""

_FIXED = ("data", "validation", "metrics", "backend", "dtype", "hooks", "search")
_MOST = 10_000


def _finite(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be finite, got {value}")


@attrs.frozen(kw_only=True)
class Range:
    """Numbers between two bounds, to draw from.

    Attributes:
        low: the least.
        high: the greatest.
        log: whether the logarithm is drawn uniformly, so that 0.001 to 0.01 is as likely as 0.01 to 0.1.
        integer: whether only whole numbers are drawn, the bounds among them.
    """

    low: float = attrs.field(validator=_finite)
    high: float = attrs.field(validator=_finite)
    log: bool = False
    integer: bool = False

    def __attrs_post_init__(self) -> None:
        """Check that the bounds make a range."""
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low above 0, got {self.low:g}")
        if self.integer and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ValueError(f"integer = true needs whole bounds, got {self.low:g} and {self.high:g}")

    def draw(self, rng: np.random.Generator) -> float | int:
        """Return one number."""
        if self.integer and not self.log:
            return int(rng.integers(int(self.low), int(self.high), endpoint=True))
        # Of whole numbers each has the width from itself to the next.
        high = self.high + 1 if self.integer else self.high
        found = rng.uniform(math.log(self.low), math.log(high)) if self.log else rng.uniform(self.low, high)
        number = min(max(math.exp(found) if self.log else found, self.low), self.high)
        return int(number) if self.integer else float(number)


@attrs.frozen(kw_only=True)
class SearchTable:
    """The `[search]` table.

    Attributes:
        strategy: `"grid"`: every combination of the listed values; `"random"`: combinations drawn by the run's seed.
        trials: how many are drawn; 20 where it is not said.
        metric: the number by which trials are ranked: one of the run's metrics, or `"loss"`; the first metric.
        better: whether `"higher"` or `"lower"` is better; the metric's own word where it has one.
        space: for each dotted path into the run file a list of values, or a range
            `{ low = …, high = …, log = true, integer = true }`.
    """

    strategy: Literal["grid", "random"] = attrs.field(default="grid", validator=in_(("grid", "random")))
    trials: int | None = attrs.field(default=None, validator=optional(ge(1)))
    metric: str | None = None
    better: Literal["higher", "lower"] | None = attrs.field(default=None, validator=optional(in_(("higher", "lower"))))
    space: Mapping[str, object] = attrs.field(factory=dict)


def space_problems(table: SearchTable) -> list[str]:
    """Return what is wrong with a search before any of its candidates is looked at, each with its path."""
    entries, problems = _entries(table.space)
    problems += [problem for path in entries for problem in _path_problems(path, entries)]
    if table.strategy == "grid":
        if table.trials is not None:
            problems.append('search.trials: is for strategy = "random"; a grid tries every combination')
        problems += [
            f'search.space.{path}: a grid needs a list of values; a range is for strategy = "random"'
            for path, entry in entries.items()
            if isinstance(entry, Range)
        ]
        count = math.prod(len(entry) for entry in entries.values() if not isinstance(entry, Range))
        if count > _MOST:
            problems.append(
                f"search.space: the grid has {count:,} combinations, more than {_MOST:,}: "
                'list fewer values, or draw some with strategy = "random"'
            )
    if not entries and not problems:
        problems.append('search.space: is empty: say what to try, such as "training.batch_size" = [32, 64]')
    return problems


def combinations(table: SearchTable, seed: int) -> Iterator[dict[str, Any]]:
    """Yield each trial's settings, by path, of a table without problems; a random trial depends on seed and place."""
    entries, _ = _entries(table.space)
    if table.strategy == "grid":
        for values in itertools.product(*entries.values()):  # type: ignore[arg-type] # no ranges in a grid
            yield dict(zip(entries, values, strict=True))
        return
    for trial in range(table.trials or 20):
        rng = generator(seed, "search", trial)
        # By name, so that the order in the file makes no difference.
        drawn = {path: _drawn(entries[path], rng) for path in sorted(entries)}
        yield {path: drawn[path] for path in entries}


def _drawn(entry: "tuple[Any, ...] | Range", rng: np.random.Generator) -> Any:
    return entry.draw(rng) if isinstance(entry, Range) else entry[rng.integers(len(entry))]


def _entries(space: Mapping[str, Any], prefix: str = "") -> tuple[dict[str, "tuple[Any, ...] | Range"], list[str]]:
    """Return the entries by path, tables within tables made flat, and what is wrong with them."""
    entries: dict[str, tuple[Any, ...] | Range] = {}
    problems: list[str] = []
    for name, entry in space.items():
        path = f"{prefix}{name}"
        if isinstance(entry, list | tuple) and len(entry):
            entries[path] = tuple(entry)
        elif isinstance(entry, Mapping) and ({"low", "high"} & set(entry)):
            try:
                entries[path] = structure(entry, Range, path=f"search.space.{path}")
            except ConfigError as error:
                problems += error.problems
        elif isinstance(entry, Mapping) and entry:
            inner, wrong = _entries(entry, f"{path}.")
            entries, problems = entries | inner, problems + wrong
        else:
            problems.append(
                f"search.space.{path}: must be a list of values, or a range {{ low = …, high = … }}, got {entry!r}"
            )
    return entries, problems


def _path_problems(path: str, entries: Mapping[str, object]) -> Iterator[str]:
    head = path.partition(".")[0]
    if head in _FIXED:
        yield f"search.space.{path}: is the same for every trial, so that they compare; there is: {', '.join(HEADS)}"
    elif head not in HEADS:
        yield f"search.space.{path}: unknown key '{head}'{did_you_mean(head, HEADS)}"
    for other in entries:
        if other.startswith(f"{path}."):
            yield f"search.space.{path}: holds '{other}', which is searched too: name one of them"
