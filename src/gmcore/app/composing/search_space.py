"""The `[search]` table: its values and ranges, and their combinations."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Literal

import attrs
import numpy as np
from attrs.validators import ge, in_, optional

from gmcore.domain import generator
from gmcore.errors import ConfigError, did_you_mean
from gmcore.registry import structure

__all__ = ["Range", "SearchTable", "combinations", "space_problems"]

HEADS = ("seed", "model", "training")
"""The entries of a run file that can be searched; the others are the same for all trials."""

_FIXED = ("data", "validation", "metrics", "backend", "dtype", "hooks", "search")
_MAX_TRIALS = 10_000
_RANDOM_TRIALS = 20


def _finite(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be finite, got {value}")


@attrs.frozen(kw_only=True)
class Range:
    """A range of numbers to draw from.

    Attributes:
        low: lower bound.
        high: upper bound.
        log: whether the logarithm is uniform, so that 0.001 to 0.01 is as likely as 0.01 to 0.1.
        integer: whether only whole numbers are drawn, including the bounds.
    """

    low: float = attrs.field(validator=_finite)
    high: float = attrs.field(validator=_finite)
    log: bool = False
    integer: bool = False

    def __attrs_post_init__(self) -> None:
        """Check the bounds."""
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true requires low above 0, got {self.low:g}")
        if self.integer and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ValueError(f"integer = true requires whole bounds, got {self.low:g} and {self.high:g}")

    def draw(self, rng: np.random.Generator) -> float | int:
        """Return a random number from the range."""
        if self.integer and not self.log:
            return int(rng.integers(int(self.low), int(self.high), endpoint=True))
        # A whole number gets the interval from itself to the next one.
        high = self.high + 1 if self.integer else self.high
        drawn = rng.uniform(math.log(self.low), math.log(high)) if self.log else rng.uniform(self.low, high)
        number = min(max(math.exp(drawn) if self.log else drawn, self.low), self.high)
        return int(number) if self.integer else float(number)


@attrs.frozen(kw_only=True)
class SearchTable:
    """The `[search]` table.

    Attributes:
        strategy: `"grid"` for all combinations of the listed values; `"random"` for combinations drawn with the run's
            seed.
        trials: number of trials to draw, at most 10,000; 20 by default.
        metric: the score that ranks trials: one of the run's metrics, or `"loss"`; by default the first metric.
        better: whether `"higher"` or `"lower"` scores are better; by default as the metric states.
        space: by dotted path in the run file, a list of values, or a range
            `{ low = …, high = …, log = true, integer = true }`.
    """

    strategy: Literal["grid", "random"] = attrs.field(default="grid", validator=in_(("grid", "random")))
    trials: int | None = attrs.field(default=None, validator=optional(ge(1)))
    metric: str | None = None
    better: Literal["higher", "lower"] | None = attrs.field(default=None, validator=optional(in_(("higher", "lower"))))
    space: Mapping[str, object] = attrs.field(factory=dict)


def space_problems(table: SearchTable) -> list[str]:
    """Return the problems of a search, each with its path, without checking the candidates."""
    entries, problems = _entries(table.space)
    problems += [problem for path in entries for problem in _path_problems(path, entries)]
    if table.strategy == "grid":
        if table.trials is not None:
            problems.append('search.trials: requires strategy = "random"; a grid tries all combinations')
        problems += [
            f'search.space.{path}: a grid requires a list of values; a range requires strategy = "random"'
            for path, entry in entries.items()
            if isinstance(entry, Range)
        ]
        count = math.prod(len(entry) for entry in entries.values() if not isinstance(entry, Range))
        if count > _MAX_TRIALS:
            problems.append(
                f"search.space: the grid has {count:,} combinations, more than {_MAX_TRIALS:,}: "
                'list fewer values, or set strategy = "random"'
            )
    elif table.trials is not None and table.trials > _MAX_TRIALS:
        problems.append(f"search.trials: must be at most {_MAX_TRIALS:,}, got {table.trials:,}")
    if not entries and not problems:
        problems.append('search.space: is empty: list the values to try, such as "training.batch_size" = [32, 64]')
    return problems


def combinations(table: SearchTable, seed: int) -> Iterator[dict[str, object]]:
    """Yield the settings of each trial, by path; the table must have no problems.

    The settings of a random trial depend only on the seed and the index of the trial.
    """
    entries, _ = _entries(table.space)
    if table.strategy == "grid":
        for values in itertools.product(*entries.values()):  # type: ignore[arg-type] # no ranges in a grid
            yield dict(zip(entries, values, strict=True))
        return
    for trial in range(table.trials or _RANDOM_TRIALS):
        rng = generator(seed, "search", trial)
        # Sorted, so that the order in the file does not matter.
        drawn = {path: _drawn(entries[path], rng) for path in sorted(entries)}
        yield {path: drawn[path] for path in entries}


def _drawn(entry: tuple[object, ...] | Range, rng: np.random.Generator) -> object:
    return entry.draw(rng) if isinstance(entry, Range) else entry[rng.integers(len(entry))]


def _entries(space: Mapping[str, object], prefix: str = "") -> tuple[dict[str, tuple[object, ...] | Range], list[str]]:
    """Return the entries by dotted path, from nested tables, and their problems."""
    entries: dict[str, tuple[object, ...] | Range] = {}
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
            nested_entries, nested_problems = _entries(entry, f"{path}.")
            entries, problems = entries | nested_entries, problems + nested_problems
        else:
            problems.append(
                f"search.space.{path}: must be a list of values, or a range {{ low = …, high = … }}, got {entry!r}"
            )
    return entries, problems


def _path_problems(path: str, entries: Mapping[str, object]) -> Iterator[str]:
    head = path.partition(".")[0]
    if head in _FIXED:
        yield f"search.space.{path}: must be the same for all trials (searchable: {', '.join(HEADS)})"
    elif head not in HEADS:
        yield f"search.space.{path}: unknown key '{head}'{did_you_mean(head, HEADS)}"
    for other in entries:
        if other.startswith(f"{path}."):
            yield f"search.space.{path}: contains '{other}', which is searched, too: remove one of them"
