"""Targets with a shape: each place in it is computed as a row of its own."""

import math

from gmcore.domain import Array, Shape
from gmcore.ports import Namespace

__all__ = ["by_place", "mean_over_places", "repeated"]


def by_place(array: Array, shape: Shape, *, xp: Namespace) -> Array:
    """Return an entry for each row and place, `(rows * places, …)`, of `(rows, *shape, …)`."""
    return xp.reshape(array, (-1, *array.shape[1 + len(shape) :])) if shape else array


def repeated(weights: Array, shape: Shape, *, xp: Namespace) -> Array:
    """Return the weight of each row and place, `(rows * places,)`, from that of each row, `(rows,)`."""
    if not shape:
        return weights
    (rows,) = weights.shape
    return xp.reshape(xp.broadcast_to(weights[:, None], (rows, math.prod(shape))), (-1,))


def mean_over_places(numbers: Array, shape: Shape, *, xp: Namespace) -> Array:
    """Return the mean over the places of each row, `(rows,)`, from one number for each, `(rows * places,)`."""
    return xp.mean(xp.reshape(numbers, (-1, math.prod(shape))), axis=-1) if shape else numbers
