"""The `[search]` table: its strategy, and the values and ranges of its space."""

from collections.abc import Iterator, Mapping
from typing import Literal

import attrs
from attrs.validators import in_, optional

from gmcore.domain import Range, SearchSpace
from gmcore.errors import ConfigError, did_you_mean
from gmcore.registry import structure

__all__ = ["SearchTable", "space_of", "space_problems"]

HEADS = ("seed", "model", "training")
"""The entries of a run file that can be searched; the others are the same for all trials."""

_FIXED = ("data", "validation", "metrics", "backend", "engine", "dtype", "hooks", "search")


def _is_an_option(_: object, __: object, value: object) -> None:
    if value is not None:
        raise ValueError(f'is an option of the strategy now: strategy = {{ use = "random", trials = {value} }}')


@attrs.frozen(kw_only=True)
class SearchTable:
    """The `[search]` table.

    Attributes:
        strategy: where the trials come from: `{ use = "grid" }` for all combinations of the listed values;
            `{ use = "random", trials = 20 }` for combinations drawn with the run's seed.
        trials: not used; it was an option of the random search.
        metric: the score that ranks trials: one of the run's metrics, or `"loss"`; by default the first metric.
        better: whether `"higher"` or `"lower"` scores are better; by default as the metric states.
        space: by dotted path in the run file, a list of values, or a range
            `{ low = …, high = …, log = true, integer = true }`.
    """

    strategy: object = attrs.field(factory=lambda: {"use": "grid"})
    trials: object = attrs.field(default=None, validator=_is_an_option)
    metric: str | None = None
    better: Literal["higher", "lower"] | None = attrs.field(default=None, validator=optional(in_(("higher", "lower"))))
    space: Mapping[str, object] = attrs.field(factory=dict)


def space_problems(table: SearchTable) -> list[str]:
    """Return the problems of a search's space, each with its path, without those of its strategy and candidates."""
    entries, problems = _entries(table.space)
    problems += [problem for path in entries for problem in _path_problems(path, entries)]
    if not entries and not problems:
        problems.append('search.space: is empty: list the values to try, such as "training.batch_size" = [32, 64]')
    return problems


def space_of(table: SearchTable) -> SearchSpace:
    """Return the space of a search; the table must have no problems."""
    return _entries(table.space)[0]


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
