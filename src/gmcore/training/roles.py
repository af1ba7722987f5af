"""Checks of the roles that folds and splits give to rows: no row or group may be on two sides."""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from gmcore.domain import Fold, Rows, Split
from gmcore.domain.data.purge import apart_from
from gmcore.errors import DataError

__all__ = ["check_folds", "check_split", "with_checked_indices"]

_SHOWN = 5


def with_checked_indices(folds: Sequence[Fold], count: int) -> list[Fold]:
    """Return folds with int64 indices, checked to be distinct indices of `count` rows.

    Raises:
        DataError: if there is no fold, with a fold that is not numbered from 0, or with the first row that is wrong.
    """
    if not folds:
        raise DataError("the cross-validator returned no folds")
    checked = []
    for place, fold in enumerate(folds):
        if fold.index != place:
            raise DataError(f"folds must be numbered 0, 1, …, but number {place} has index {fold.index}")
        train = _indices(f"fold {place}, train", fold.train, count)
        validation = _indices(f"fold {place}, validation", fold.validation, count)
        checked.append(attrs.evolve(fold, train=train, validation=validation))
    return checked


def check_folds(folds: Sequence[Fold], rows: Rows) -> None:
    """Raise unless each fold trains on some rows and scores on others, and each group is on one side.

    Raises:
        DataError: with the fold, and the first rows that are on both sides; or if all rows of a side have weight 0.
    """
    for fold in folds:
        if not len(fold.train) or not len(fold.validation):
            raise DataError(
                f"fold {fold.index} must have rows to train on and rows to score on, "
                f"got {len(fold.train)} and {len(fold.validation)}"
            )
        for indices, purpose in ((fold.train, "train on"), (fold.validation, "score on")):
            if _is_weightless(rows, indices):
                raise DataError(f"fold {fold.index} has only rows of weight 0 to {purpose}")
        trained = np.zeros(len(rows), bool)
        trained[fold.train] = True
        shared = np.sort(fold.validation[trained[fold.validation]])
        if len(shared):
            raise DataError(f"fold {fold.index} trains on {len(shared)} of its held-out rows: {_rows(shared)}")
    if rows.groups is not None:
        codes = np.unique(rows.groups, return_inverse=True)[1].reshape(-1)
        for fold in folds:
            sides = {"trains on": fold.train, "holds out": fold.validation}
            _check_groups(f"fold {fold.index}", sides, codes, rows.schema.group)


def check_split(split: Split, rows: Rows, source: str) -> None:
    """Raise unless each row has one role in a data provider's split, and all rows of a group have the same.

    Args:
        split: the split.
        rows: all rows.
        source: name of the data provider, for errors.

    Raises:
        DataError: with the first rows that have no role, or two; or if all rows of a role have weight 0.
    """
    given = {"train": split.train, "validation": split.validation, "test": split.test}
    roles = {role: _indices(f"{source}.split(), {role}", indices, len(rows)) for role, indices in given.items()}
    times = np.zeros(len(rows), np.uint8)
    for indices in roles.values():
        times[indices] += 1
    twice, never = np.flatnonzero(times > 1), np.flatnonzero(times == 0)
    if len(twice):
        found = ", ".join(role for role, indices in roles.items() if twice[0] in indices)
        raise DataError(f"{source}.split() gives {len(twice)} rows two roles: {_rows(twice)}; the first is in {found}")
    held = np.concatenate([roles["validation"], roles["test"]])
    never = np.intersect1d(never, apart_from(rows, never, held))  # the others share steps with held-out windows
    if len(never):
        raise DataError(f"{source}.split() gives {len(never)} of {len(rows)} rows no role: {_rows(never)}")
    if not len(split.train):
        raise DataError(f"{source}.split() has no rows to train on")
    for role, others in (("train", held), ("validation", roles["test"])):
        clash = np.setdiff1d(roles[role], apart_from(rows, roles[role], others))
        if len(clash):
            raise DataError(
                f"{source}.split() has windows in {role} that share steps with held-out ones: {_rows(clash)}"
            )
    for role, indices in roles.items():
        if len(indices) and _is_weightless(rows, indices):
            raise DataError(f"{source}.split() has only rows of weight 0 in {role}, which count nothing")
    if rows.groups is not None:
        codes = np.unique(rows.groups, return_inverse=True)[1].reshape(-1)
        sides = {f"has in {role}": indices for role, indices in roles.items()}
        _check_groups(f"{source}.split()", sides, codes, rows.schema.group)


def _is_weightless(rows: Rows, indices: np.ndarray) -> bool:
    """Return whether rows have the weight 0, all of them."""
    return rows.weights is not None and not rows.weights[indices].any()


def _indices(what: str, given: object, count: int) -> np.ndarray:
    """Return row indices as int64, checked to be distinct and of `count` rows."""
    indices = np.asarray(given)
    if indices.ndim != 1 or (len(indices) and indices.dtype.kind not in "iu"):
        raise DataError(
            f"{what}: row indices must be a one-dimensional array of whole numbers, got {indices.dtype} of shape "
            f"{indices.shape}"
        )
    outside = indices[(indices < 0) | (indices >= count)]
    if len(outside):
        raise DataError(f"{what}: row {outside[0]} is out of range for {count} rows")
    whole: np.ndarray = indices.astype(np.int64)
    times = np.bincount(whole, minlength=count)
    if times.max(initial=0) > 1:
        raise DataError(f"{what}: row indices must be unique, got more than once {_rows(np.flatnonzero(times > 1))}")
    return whole


def _check_groups(what: str, sides: Mapping[str, np.ndarray], codes: np.ndarray, column: str | None) -> None:
    """Raise if a group has rows on two sides; `sides` are row indices by what is done with them."""
    named = f" ('{column}')" if column else ""
    count = int(codes.max(initial=-1)) + 1
    seen = dict[str, np.ndarray]()
    for side, indices in sides.items():
        present = np.zeros(count, bool)
        present[codes[indices]] = True
        for other, before in seen.items():
            both = np.flatnonzero(present & before)
            if len(both):
                first, second = (one[codes[one] == both[0]][0] for one in (sides[other], indices))
                raise DataError(
                    f"{what} {other} row {first} and {side} row {second} of one group{named}: rows of a group must "
                    f"stay together, but {len(both)} of {count} groups are on both sides"
                )
        seen[side] = present


def _rows(indices: np.ndarray) -> str:
    shown = ", ".join(map(str, indices[:_SHOWN].tolist()))
    return f"row{'s' if len(indices) > 1 else ''} {shown}{', …' if len(indices) > _SHOWN else ''}"
