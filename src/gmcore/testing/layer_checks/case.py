"""A layer and rows to check it with, and its passes on the NumPy reference."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, Shape, Tree, Variables
from gmcore.domain.tree import tree_flatten, tree_map
from gmcore.nn.layers.abilities import needs_key
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.numpy_random import NumPyRandom
from gmcore.ports import Layer, Namespace, Pass, SupportsUpdate
from gmcore.testing.layer_checks.attributes import attributes_of
from gmcore.testing.layer_checks.rows import shape_of_rows

__all__ = ["KEY", "LayerCase", "Result", "assert_close", "reference", "training_pass"]

KEY = np.array([7, 11], np.uint32)


@attrs.frozen(kw_only=True, eq=False)
class Result:
    """What a training pass returns: the outputs, and all buffers after it."""

    outputs: Array
    buffers: Tree

    @property
    def arrays(self) -> dict[str, Array]:
        """All arrays by name."""
        return {"outputs": self.outputs, **tree_flatten(self.buffers, "buffers.")}


@attrs.frozen(kw_only=True, eq=False)
class LayerCase:
    """A layer and rows to check it with.

    Attributes:
        name: of the case.
        layer: the layer.
        variables: its variables, fitted to some of the rows if it can be fitted.
        inputs: of all rows: an array, or a mapping of arrays.
    """

    name: str
    layer: Layer
    variables: Variables
    inputs: Any

    @property
    def shape(self) -> Any:
        """The shape of one row."""
        return shape_of_rows(self.inputs)

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(next(iter(self.inputs.values())) if isinstance(self.inputs, Mapping) else self.inputs)

    @property
    def draws(self) -> bool:
        """Whether a training pass draws random numbers."""
        return needs_key(self.layer, self.shape)

    def rows(self, places: Any) -> "LayerCase":
        """Return the case with the rows at `places` alone."""
        return attrs.evolve(self, inputs=tree_map(lambda x: x[places], self.inputs))

    def outputs(self, dtype: str = "float64") -> Array:
        """Return the outputs outside training, on the reference."""
        return self.layer.apply(*self.given(dtype), Pass(xp=reference(dtype)))

    def trained(self, weights: np.ndarray | None = None, *, dtype: str = "float64", key: np.ndarray = KEY) -> Result:
        """Return the result of a training pass, on the reference; by default of rows of weight 1."""
        own = np.ones(self.count) if weights is None else weights
        at = Pass(xp=reference(dtype), weights=own.astype(dtype), key=key if self.draws else None, training=True)
        return training_pass(self.layer, *self.given(dtype), at)

    def given(self, dtype: str = "float64") -> tuple[Variables, Any]:
        """Return new trees of the variables and the inputs, floats in `dtype`."""
        variables, inputs = (_as(tree, dtype) for tree in (_tree(self.variables), self.inputs))
        return Variables(**variables), inputs

    def assert_changes_nothing_in_place(self) -> None:
        """Check that passes change neither the variables nor the inputs that they are given."""
        variables, inputs = self.given()
        before = attributes_of((variables, inputs))
        key = KEY if self.draws else None
        training = Pass(xp=reference(), weights=np.ones(self.count), key=key, training=True)
        training_pass(self.layer, variables, inputs, training)
        self.layer.apply(variables, inputs, Pass(xp=reference()))
        same = attributes_of((variables, inputs)) == before
        assert same, f"{self.name}: variables or inputs have changed in place"  # noqa: S101 - as below


def training_pass(layer: Layer, variables: Variables, inputs: Any, at: Pass) -> Result:
    """Return the result of a layer's training pass."""
    if isinstance(layer, SupportsUpdate):
        outputs, buffers = layer.update(variables, inputs, at)
        return Result(outputs=outputs, buffers=buffers)
    return Result(outputs=layer.apply(variables, inputs, at), buffers=variables.buffers)


def reference(dtype: str = "float64") -> Namespace:
    """Return the NumPy reference, in which all rows of a batch get the same random numbers.

    What a row contributes to a training pass then depends neither on its place nor on how often it occurs.
    """
    xp = NumPyNamespace(dtype)
    xp.random = _EqualRows(xp.float)
    return xp


class _EqualRows(NumPyRandom):
    """Random numbers that are equal along the first axis."""

    def uniform(self, key: Array, shape: Shape) -> Array:
        return _repeated(super().uniform, key, shape)

    def normal(self, key: Array, shape: Shape) -> Array:
        return _repeated(super().normal, key, shape)


def _repeated(draw: Callable[[Array, Shape], Array], key: Array, shape: Shape) -> Array:
    return np.broadcast_to(draw(key, (1, *shape[1:])), shape).copy() if math.prod(shape) else draw(key, shape)


def assert_close(found: Mapping[str, Array], expected: Mapping[str, Array], what: str, *, within: float) -> None:
    """Check that arrays agree, within a share of the largest number of each; NaN equals NaN."""
    assert found.keys() == expected.keys(), f"{what}: {sorted(found)} in place of {sorted(expected)}"  # noqa: S101
    for name, array in expected.items():
        finite = np.abs(np.asarray(array, np.float64)[np.isfinite(array)])
        slack = within * (1 + finite.max(initial=0.0))
        same = np.allclose(found[name], array, rtol=0, atol=slack, equal_nan=True)
        assert same, f"{what}: {name} is {found[name]!r:.300} in place of {array!r:.300}"  # noqa: S101


def _tree(variables: Variables) -> Tree:
    return attrs.asdict(variables, recurse=False)


def _as(tree: Any, dtype: str) -> Any:
    return tree_map(lambda leaf: leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf, tree)
