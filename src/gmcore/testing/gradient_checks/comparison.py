"""Comparison of gradients, and rows that are compared."""

# ruff: noqa: S101 - these are checks

import numpy as np

from gmcore.domain import Tree
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map

__all__ = ["assert_close", "assert_uphill", "repeat_the_first", "set_rows"]

# Sums of a few rows in another order, in float64, relative to the largest element of a leaf.
_ROUNDING = 1e-13


def assert_uphill(found: Tree, expected: Tree, name: str) -> None:
    """Check that the product of two gradients is positive; `name` is the backend's."""
    products = tree_map(lambda one, other: np.sum(one * other), found, expected)
    assert sum(tree_leaves(products)) > 0, f"{name}: the gradient points downhill"


def assert_close(found: Tree, expected: Tree, name: str) -> None:
    """Check that two trees are equal up to rounding; `name` is the backend's."""
    flat = tree_flatten(found)
    for path, leaf in tree_flatten(expected).items():
        error = np.max(np.abs(flat[path] - leaf), initial=0.0) / max(1.0, np.max(np.abs(leaf), initial=0.0))
        assert error <= _ROUNDING, f"{name}: {path} is off by {error:.1e}"


def set_rows(batch: Tree, rows: slice, other: Tree) -> None:
    """Copy the rows of another batch to some rows of a batch."""
    for name in ("inputs", "targets", "weights"):
        for leaf, source in zip(tree_leaves(batch[name]), tree_leaves(other[name]), strict=True):
            leaf[:, rows] = source


def repeat_the_first(leaf: np.ndarray) -> np.ndarray:
    """Copy the first row to the last."""
    leaf[:, -1] = leaf[:, 0]
    return leaf
