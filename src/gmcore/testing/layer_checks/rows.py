"""Fits of layers to arrays, for tests."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from gmcore.domain import RowBlock, Variables
from gmcore.ports import Layer, SupportsAdapt

__all__ = ["fitted", "row_blocks", "shape_of_rows"]


def fitted(
    layer: Layer,
    blocks: Sequence[Any],
    variables: Variables | None = None,
    *,
    weights: Iterable[np.ndarray] | None = None,
    targets: Iterable[np.ndarray] | None = None,
    seed: int = 0,
) -> Variables:
    """Return a layer's variables after it was fitted to blocks of rows.

    Args:
        layer: an adaptable layer.
        blocks: the layer's inputs for some rows each: an array, or a mapping of arrays.
        variables: before the fit; None for fresh ones.
        weights: the weights of each block's rows; None for equal weights of 1.
        targets: the targets of each block's rows; None for rows without.
        seed: of the fresh variables and of the fit.
    """
    assert isinstance(layer, SupportsAdapt), f"{layer} can't be fitted"  # noqa: S101 - this is for tests
    if variables is None:
        variables = layer.init(np.random.default_rng(seed), shape_of_rows(blocks[0]))
    return layer.adapt(variables, row_blocks(blocks, weights, targets), rng=np.random.default_rng(seed))


def row_blocks(
    blocks: Iterable[Any],
    weights: Iterable[np.ndarray] | None = None,
    targets: Iterable[np.ndarray] | None = None,
) -> list[RowBlock]:
    """Return blocks of rows, numbered from 0; arguments as for `fitted`."""
    rows: list[RowBlock] = []
    first, none = 0, repeat(None)
    of_weights: Iterable[np.ndarray | None] = none if weights is None else weights
    of_targets: Iterable[np.ndarray | None] = none if targets is None else targets
    for inputs, own, known in zip(blocks, of_weights, of_targets, strict=False):
        count = len(next(iter(inputs.values())) if isinstance(inputs, dict) else inputs)
        rows.append(RowBlock(inputs=inputs, targets=known, weights=own, numbers=np.arange(first, first + count)))
        first += count
    return rows


def shape_of_rows(inputs: Any) -> Any:
    """Return the shape of one row: of an array, or of each array of a mapping."""
    return {name: x.shape[1:] for name, x in inputs.items()} if isinstance(inputs, dict) else inputs.shape[1:]
