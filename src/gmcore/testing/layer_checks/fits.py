"""Checks of a layer that is fitted to rows before training."""

# ruff: noqa: S101 - these are checks

from collections.abc import Sequence

import numpy as np

from gmcore.domain import Tree, Variables
from gmcore.domain.tree import tree_flatten, tree_map
from gmcore.testing.layer_checks.case import LayerCase, assert_close
from gmcore.testing.layer_checks.rows import fitted
from gmcore.testing.model_checks.passes import same_leaves, shapes_of, tree_of

__all__ = ["assert_fits_any_cut", "assert_fits_are_functions", "assert_fits_change_nothing", "assert_fits_weigh_rows"]

_TOLERANCE = 1e-9
"""Of fits to the same rows in another order or cut; sums differ by a few roundings."""


def assert_fits_are_functions(case: LayerCase, targets: np.ndarray) -> None:
    """Check that equal rows and generators give equal variables, whatever was fitted before."""
    fresh, places = _fresh(case), np.arange(case.count)
    once = _fit(case, targets, [places], fresh)
    _fit(case, targets, [places[::2]], fresh, seed=1)
    assert same_leaves(tree_of(_fit(case, targets, [places], fresh)), tree_of(once)), case.name
    assert shapes_of(once) == shapes_of(fresh), f"{case.name}: shapes or dtypes differ from those of init"
    assert same_leaves(once.shared, fresh.shared), f"{case.name}: shared variables differ from those of init"


def assert_fits_any_cut(case: LayerCase, targets: np.ndarray) -> None:
    """Check that it does not matter how the rows are cut into blocks."""
    places = np.arange(case.count)
    whole = _flat(_fit(case, targets, [places]))
    for cuts in ([1], [case.count // 2], list(range(1, case.count))):
        assert_close(_flat(_fit(case, targets, np.split(places, cuts))), whole, case.name, within=_TOLERANCE)


def assert_fits_weigh_rows(case: LayerCase, targets: np.ndarray) -> None:
    """Check that weight 2 is the row twice and weight 0 no row; a fit that draws has other draws for other rows."""
    places = np.arange(case.count)
    weights = (np.arange(case.count) % 3).astype(np.float64)
    weighted = _fit(case, targets, [places], weights=weights)
    if same_leaves(tree_of(weighted), tree_of(_fit(case, targets, [places], weights=weights, seed=1))):
        repeated = _fit(case, targets, [np.repeat(places, weights.astype(int))])
        assert_close(_flat(weighted), _flat(repeated), case.name, within=_TOLERANCE)
    for name, leaf in _flat(_fit(case, targets, [places], weights=np.zeros(case.count))).items():
        assert np.isfinite(leaf).all(), f"{case.name}: {name} is not finite if no row counts"


def assert_fits_change_nothing(case: LayerCase, targets: np.ndarray) -> None:
    """Check that a fit changes neither the variables nor the rows that it is given."""
    fresh = _fresh(case)
    given = {"variables": tree_of(fresh), "inputs": _tree(case.inputs), "targets": targets}
    before = tree_map(np.copy, given)
    _fit(case, targets, [np.arange(case.count)], fresh)
    assert same_leaves(given, before), f"{case.name}: adapt changes its arguments in place"


def _fresh(case: LayerCase) -> Variables:
    return case.layer.init(np.random.default_rng(0), case.shape)


def _fit(
    case: LayerCase,
    targets: np.ndarray,
    parts: Sequence[np.ndarray],
    fresh: Variables | None = None,
    *,
    weights: np.ndarray | None = None,
    seed: int = 0,
) -> Variables:
    """Return variables fitted to blocks of the rows at some places."""
    own = None if weights is None else [weights[part] for part in parts]
    return fitted(
        case.layer,
        [case.rows(part).inputs for part in parts],
        _fresh(case) if fresh is None else fresh,
        weights=own,
        targets=[targets[part] for part in parts],
        seed=seed,
    )


def _flat(variables: Variables) -> dict[str, np.ndarray]:
    return tree_flatten(tree_of(variables))


def _tree(inputs: object) -> Tree:
    return inputs if isinstance(inputs, dict) else {"": inputs}
