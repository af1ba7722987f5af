"""Assignment of rows to folds: four methods with scikit-learn's results for the same random state."""

import numpy as np

__all__ = ["by_class", "by_group", "by_group_and_class", "by_place"]

Random = np.random.RandomState | None


def by_place(count: int, n_splits: int, random: Random) -> np.ndarray:
    """Return each row's fold, `(count,)`: consecutive rows, after shuffling if `random` is given, as in `KFold`."""
    order = np.arange(count)
    if random is not None:
        random.shuffle(order)
    folds = np.empty(count, np.int64)
    folds[order] = np.repeat(np.arange(n_splits), _even(count, n_splits))
    return folds


def by_class(classes: np.ndarray, n_splits: int, random: Random) -> np.ndarray:
    """Return each row's fold, with each class in proportion, as in `StratifiedKFold`."""
    codes = _by_first_appearance(classes)
    dealt = np.arange(len(codes)) % n_splits
    ends = np.cumsum(np.bincount(codes))
    folds = np.empty(len(codes), np.int64)
    for code, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        of_class = np.sort(dealt[start:end])
        if random is not None:
            random.shuffle(of_class)
        folds[codes == code] = of_class
    return folds


def by_group(groups: np.ndarray, n_splits: int, random: Random) -> np.ndarray:
    """Return each row's fold, with groups kept whole, as in `GroupKFold`.

    Without `random`, groups are assigned in order of size, largest first, each to the fold with the fewest rows. With
    it, consecutive shuffled groups form a fold, so folds have similar numbers of groups, not of rows.
    """
    names, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    fold_of_group = np.empty(len(names), np.int64)
    if random is not None:
        order = random.permutation(len(names))
        fold_of_group[order] = np.repeat(np.arange(n_splits), _even(len(names), n_splits))
        return fold_of_group[codes]
    rows_in_fold = np.zeros(n_splits, np.int64)
    for group in np.argsort(sizes, kind="stable")[::-1]:
        fold = np.argmin(rows_in_fold)
        rows_in_fold[fold] += sizes[group]
        fold_of_group[group] = fold
    return fold_of_group[codes]


def by_group_and_class(groups: np.ndarray, classes: np.ndarray, n_splits: int, random: Random) -> np.ndarray:
    """Return each row's fold, with groups whole and classes nearly in proportion, as in `StratifiedGroupKFold`.

    Groups are assigned in order of the standard deviation of their class counts, largest first, each to the fold that
    makes the class proportions most similar across folds; ties go to the fold with the fewest rows.
    """
    names, codes = np.unique(groups, return_inverse=True)
    _, class_codes, class_sizes = np.unique(classes, return_inverse=True, return_counts=True)
    counts = np.zeros((len(names), len(class_sizes)))
    np.add.at(counts, (codes, class_codes), 1)
    order = np.arange(len(names))
    if random is not None:
        random.shuffle(order)
    order = order[np.argsort(-np.std(counts[order], axis=1), kind="stable")]
    totals = np.zeros((n_splits, len(class_sizes)))
    fold_of_group = np.empty(len(names), np.int64)
    for group in order:
        fold = _fairest(totals, counts[group], class_sizes)
        totals[fold] += counts[group]
        fold_of_group[group] = fold
    return fold_of_group[codes]


def _even(count: int, parts: int) -> np.ndarray:
    """Return the sizes of `parts` nearly equal parts of `count`, larger ones first."""
    return count // parts + (np.arange(parts) < count % parts)


def _by_first_appearance(classes: np.ndarray) -> np.ndarray:
    """Return class codes numbered from 0 in order of first appearance."""
    _, first, codes = np.unique(classes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]


def _fairest(totals: np.ndarray, group: np.ndarray, class_sizes: np.ndarray) -> int:
    """Return the fold that makes class proportions most similar if the group's class counts are added to it."""
    n_splits = len(totals)
    tried = totals + np.eye(n_splits)[:, :, None] * group
    spread = np.std(tried / class_sizes, axis=1).mean(axis=1)
    rows = totals.sum(axis=1)
    best = 0
    for fold in range(1, n_splits):
        alike = abs(spread[fold] - spread[best]) <= 1e-8 + 1e-5 * spread[best]
        if spread[fold] < spread[best] or (alike and rows[fold] < rows[best]):
            best = fold
    return best
