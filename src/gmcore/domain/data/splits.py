"""Splits of rows into training and held-out rows: random, chronological or stratified, with groups kept together."""

import math

import numpy as np

from gmcore.domain.config import SplitConfig
from gmcore.domain.data.fold import Split
from gmcore.domain.data.purge import apart_from
from gmcore.domain.data.rows import Rows
from gmcore.domain.seeding import generator
from gmcore.errors import DataError

__all__ = ["held_out", "split_rows"]


def split_rows(rows: Rows, *, validation: SplitConfig | None = None, test: SplitConfig | None = None) -> Split:
    """Return a split of all rows, each part sorted; equal arguments give equal splits.

    Args:
        rows: the rows to split.
        validation: how to hold out validation rows, from the rows that are not test rows; None for no validation rows.
        test: how to hold out test rows; None for no test rows.

    Raises:
        DataError: if the rows can't be split that way.
    """
    train = np.arange(len(rows), dtype=np.int64)
    # No views, which would keep the memory of all rows.
    parts = {"test": np.empty(0, np.int64), "validation": np.empty(0, np.int64)}
    for name, config in (("test", test), ("validation", validation)):
        if config is not None and config.fraction > 0:
            train, parts[name] = held_out(rows, train, config, generator(config.seed, f"{name} split"))
    return Split(train=train, **parts)


def held_out(
    rows: Rows, indices: np.ndarray, config: SplitConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split some rows into training rows and held-out rows.

    Holds out `ceil(config.fraction * rows)` rows: fewer if a stratified split would otherwise leave a class
    without a training row, and the number nearest to it that whole groups allow if there are groups.

    Args:
        rows: all rows, for their targets, groups and time.
        indices: the rows to split, `(n,)`, without duplicates, in any order.
        config: fraction and strategy; its seed is not used.
        rng: generator of random choices.

    Returns:
        `(kept, held)`: sorted, int64, disjoint, both non-empty, together all of `indices`; but of windows of a series
        those are left out that share steps with held-out ones.

    Raises:
        DataError: if one side would be empty, a class or group can't be split that way, or a stratified split
            is requested for rows without classes.
    """
    indices = np.sort(np.asarray(indices, np.int64))
    count = math.ceil(config.fraction * len(indices))
    if not 0 < count < len(indices):
        raise DataError(
            f"cannot hold out {config.fraction:g} of {len(indices)} rows: "
            "at least one row must be held out and at least one must be left to train on"
        )
    strategy = _strategy(rows, config)
    if rows.groups is None:
        held = _choose_rows(rows, indices, count, strategy=strategy, rng=rng)
    else:
        held = _choose_groups(rows, indices, rows.groups[indices], count, strategy=strategy, rng=rng)
    kept = apart_from(rows, indices[~held], indices[held])
    if not len(kept):
        raise DataError(
            f"cannot hold out {config.fraction:g} of {len(indices)} windows: each of the others shares steps with one "
            "of them; hold out windows by time ('chronological') or by group"
        )
    return kept, indices[held]


def _strategy(rows: Rows, config: SplitConfig) -> str:
    """Return the strategy, with `"auto"` resolved."""
    if config.strategy != "auto":
        return config.strategy
    if rows.time is not None:
        return "chronological"
    return "stratified" if rows.targets is not None and rows.schema.target.has_strata else "random"


def _choose_rows(rows: Rows, indices: np.ndarray, count: int, *, strategy: str, rng: np.random.Generator) -> np.ndarray:
    """Return the mask of held-out rows, `(n,)`, bool."""
    if strategy == "chronological":
        chosen = _earliest_first(rows, indices)[-count:]
    elif strategy == "random":
        chosen = rng.permutation(len(indices))[:count]
    else:
        chosen = _stratified(_classes(rows, indices), count, rng)
    held = np.zeros(len(indices), bool)
    held[chosen] = True
    return held


def _choose_groups(
    rows: Rows, indices: np.ndarray, groups: np.ndarray, count: int, *, strategy: str, rng: np.random.Generator
) -> np.ndarray:
    """Return the mask of held-out rows, `(n,)`, bool, equal for all rows of a group."""
    names, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) == 1:
        raise DataError(f"cannot hold out whole groups: all {len(indices)} rows belong to one group")
    held = np.zeros(len(names), bool)
    if strategy == "stratified":
        held[_stratified_groups(_classes(rows, indices), codes, count, rng)] = True
        return held[codes]
    if strategy == "random":
        order = rng.permutation(len(names))
    else:
        order = _latest_first(codes[_earliest_first(rows, indices)])
    held_rows = np.cumsum(sizes[order])[:-1]
    held[order[: 1 + np.argmin(np.abs(held_rows - count))]] = True
    return held[codes]


def _earliest_first(rows: Rows, indices: np.ndarray) -> np.ndarray:
    """Return positions in `indices` ordered by time, or in the order of the source if there is no time."""
    return np.arange(len(indices)) if rows.time is None else np.argsort(rows.time[indices], kind="stable")


def _latest_first(codes: np.ndarray) -> np.ndarray:
    """Return the distinct codes, ordered by the position of their last row, latest first."""
    names, from_end = np.unique(codes[::-1], return_index=True)
    return names[np.argsort(from_end)]


def _classes(rows: Rows, indices: np.ndarray) -> np.ndarray:
    """Return the class of each row, numbered consecutively from 0."""
    if rows.targets is None or not rows.schema.target.has_strata:
        raise DataError("a stratified split needs a classification target: use 'random' or 'chronological'")
    return np.unique(rows.targets[indices], return_inverse=True)[1]


def _stratified(classes: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return positions in `classes`, each class in proportion, by the largest remainder method."""
    sizes = np.bincount(classes)
    quota = count * sizes / len(classes)
    limit = sizes - 1  # each class keeps a training row
    if not limit.any():
        raise DataError(f"cannot hold out rows of each class: all {len(sizes)} classes have one row; use 'random'")
    taken = np.minimum(np.floor(quota).astype(np.int64), limit)
    for _ in range(min(count, limit.sum()) - taken.sum()):
        taken[np.argmax(np.where(taken < limit, quota - taken, -np.inf))] += 1
    shuffled = rng.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    rank = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return by_class[rank < np.repeat(taken, sizes)]


def _stratified_groups(classes: np.ndarray, codes: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    """Return the groups to hold out.

    Groups are visited in random order; one is held out if that brings the number of held-out rows per class closer
    to the target. If none does, the group with the smallest distance to the target is held out.
    """
    table = np.zeros((codes.max() + 1, classes.max() + 1))
    np.add.at(table, (codes, classes), 1)
    kept, share = table.sum(0), table.sum(0) * count / len(codes)
    held: list[int] = []
    order = [int(group) for group in rng.permutation(len(table)) if (kept > table[group]).all()]
    for group in order:
        if (kept > table[group]).all() and _distance(share, table[group]) < _distance(share, 0):
            kept, share = kept - table[group], share - table[group]
            held.append(group)
    if not order:
        raise DataError("cannot hold out whole groups: each contains all rows of some class; use 'random'")
    return held or [min(order, key=lambda group: _distance(share, table[group]))]


def _distance(a: np.ndarray, b: np.ndarray | int) -> float:
    return float(np.sum((a - b) ** 2))
