"""Checks of a layer whose matrices are multiplied in a narrow dtype: dtypes, and numbers near those in float."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable, Sequence

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.ports import Backend
from gmcore.testing.backend_checks.precision import unit_roundoff
from gmcore.testing.layer_checks.case import LayerCase, assert_close
from gmcore.testing.layer_checks.fleets import Fixed, Trained, gradients_of, members_of

__all__ = ["assert_narrow_dtypes_work"]

Function = Callable[..., Array]

# In roundings to the narrow dtype. Gradients are compared by their norms, since a rounding may move a number across the
# kink of an activation.
_OUTPUTS, _GRADIENTS = 16, 64


def assert_narrow_dtypes_work(wide: Backend, narrow: Sequence[Backend], case: LayerCase) -> None:
    """Check a fleet of two on backends with a narrow `compute`, from inputs in it, against a backend without."""
    in_float: Function = wide.compile(gradients_of(wide, case), loops=True)
    for backend in narrow:
        what, rounding = f"{case.name}, {backend.name}, {backend.compute}", unit_roundoff(backend.compute)
        given = trained, fixed, _ = _given(backend, case)
        program: Function = backend.compile(gradients_of(backend, case), loops=True)
        _, slopes, found = program(*given)
        for name, when in (("trained", "in training"), ("outputs", "outside training")):
            dtype, allowed = found[name].dtype, _dtypes(backend, case)
            wanted = " or ".join(map(str, allowed))
            assert dtype in allowed, f"{what}: outputs {when} are {dtype} in place of {wanted}: cast them to xp.compute"
        _assert_same_dtypes(slopes, trained, f"{what}: the gradient by")
        _assert_same_dtypes(found["buffers"], fixed["buffers"], f"{what}: the buffer")

        rounded = tuple(_on_host(backend, tree) for tree in given)
        _, expected_slopes, expected = wide.to_numpy(in_float(*wide.asarray(rounded)))
        results = tree_flatten(_on_host(backend, found))
        assert_close(results, tree_flatten(expected), what, within=_OUTPUTS * rounding)
        # The derivative by an input that is missing has no meaning.
        known = tree_map(lambda x: ~np.isnan(x), rounded[0])
        own, other = (tree_map(_masked, tree, known) for tree in (_on_host(backend, slopes), expected_slopes))
        _assert_near(own, other, _GRADIENTS * rounding, what)


def _given(backend: Backend, case: LayerCase) -> tuple[Trained, Fixed, Tree]:
    """Return what two members are given, on the device, with inputs in `compute`."""
    xp = backend.xp
    trained, fixed, shared = backend.asarray(members_of(case, 2).part(0, 2))
    inputs = tree_map(lambda x: xp.astype(x, xp.compute), trained["inputs"])
    return {"params": trained["params"], "inputs": inputs}, fixed, shared


def _dtypes(backend: Backend, case: LayerCase) -> list[object]:
    """Return the dtypes that outputs may have.

    Inputs in `compute` give outputs in it if the layer multiplies matrices, or has no floats of its own. With other
    variables, such as a gain or the statistics of columns, or from whole numbers, outputs may be in `float`.
    """
    xp, variables = backend.xp, case.variables
    own = [leaf for leaf in tree_leaves(attrs.asdict(variables, recurse=False)) if leaf.dtype.kind == "f"]
    multiplies = any(leaf.ndim > 1 for leaf in own)
    from_floats = all(leaf.dtype.kind == "f" for leaf in tree_leaves(case.inputs))
    return [xp.compute] if from_floats and (multiplies or not own) else [xp.compute, xp.float]


def _on_host(backend: Backend, tree: Tree) -> Tree:
    """Return NumPy arrays, with narrow floats in `float`."""
    xp = backend.xp
    return backend.to_numpy(tree_map(lambda x: xp.astype(x, xp.float) if x.dtype == xp.compute else x, tree))


def _assert_same_dtypes(found: Tree, given: Tree, what: str) -> None:
    before = tree_flatten(given)
    for name, leaf in tree_flatten(found).items():
        assert leaf.dtype == before[name].dtype, f"{what} {name} is {leaf.dtype} in place of {before[name].dtype}"


def _masked(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.where(known, x, 0.0)


def _assert_near(found: Tree, expected: Tree, within: float, what: str) -> None:
    """Check that the error of each gradient is small, relative to the norm."""
    wanted = tree_flatten(expected)
    for name, gradient in tree_flatten(found).items():
        error, norm = np.linalg.norm(gradient - wanted[name]), np.linalg.norm(wanted[name])
        # NaN is not near.
        assert error <= within * (norm + 1e-3), f"{what}: the gradient by {name} is off by {error} of {norm}"
