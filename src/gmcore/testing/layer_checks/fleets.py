"""Checks of a layer in a fleet, on a backend: numbers, gradients, and bits that do not depend on the chunk."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypedDict

import attrs
import numpy as np

from gmcore.domain import Array, Tree, Variables
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.ports import Backend, Namespace, Pass, SupportsAdapt
from gmcore.testing.layer_checks.case import LayerCase, assert_close, reference, training_pass
from gmcore.testing.layer_checks.rows import fitted

__all__ = ["assert_equals_reference", "assert_gradients", "assert_same_bits", "gradients_of", "members_of"]

_MEMBERS = 10
_CHUNKS = (1, 3)
# Of central differences: in float64 it leaves about nine digits.
_STEP = 1e-6


class Trained(TypedDict):
    """What gradients are taken by."""

    params: Tree
    inputs: Mapping[str, Array]  # those of floats


class Fixed(TypedDict):
    """What a pass is given besides."""

    buffers: Tree
    inputs: Mapping[str, Array]  # those of integers
    weights: Array  # (batch,): 0, 1 and 2
    key: Array
    scales: (
        Array  # (2, batch, *output_shape): of the outputs in and outside training, in the sum that is differentiated
    )


class Found(TypedDict):
    """The results of a member."""

    trained: Array  # outputs in training
    outputs: Array  # outputs outside training
    buffers: Tree  # after the training pass


@attrs.frozen(kw_only=True, eq=False)
class Members:
    """Members with variables and rows of their own, on the first axis, and what they share."""

    trained: Trained
    fixed: Fixed
    shared: Tree

    def part(self, start: int, size: int) -> tuple[Trained, Fixed, Tree]:
        """Return some members."""
        some = slice(start, start + size)
        return tree_map(lambda x: x[some], self.trained), tree_map(lambda x: x[some], self.fixed), self.shared


def assert_equals_reference(backend: Backend, case: LayerCase) -> None:
    """Check that a backend's `vmap` gives each member what the reference gives it alone; random numbers differ."""
    members, xp = members_of(case, 2), backend.xp

    def member(trained: Trained, fixed: Fixed, shared: Tree) -> Found:
        return _results(case, trained, fixed, shared, xp)

    fleet = backend.compile(backend.vmap(member, (0, 0, None)), loops=True)
    found = backend.to_numpy(fleet(*backend.asarray(members.part(0, 2))))
    assert {leaf.dtype for leaf in tree_leaves(found) if leaf.dtype.kind == "f"} <= {np.dtype(backend.dtype)}
    for place in range(2):
        trained, fixed, shared = members.part(place, 1)
        own, rest = tree_map(lambda x: x[0], trained), tree_map(lambda x: x[0], fixed)
        expected = tree_flatten(_results(case, own, rest, shared, reference()))
        alike = {name: array for name, array in expected.items() if name == "outputs" or not case.draws}
        of_member = {name: array[place] for name, array in tree_flatten(found).items() if name in alike}
        assert_close(of_member, alike, f"{case.name}, {backend.name}, member {place}", within=1e-10)


def assert_gradients(backend: Backend, case: LayerCase) -> None:
    """Check the derivative in a random direction of parameters and inputs against a central difference.

    A layer without parameters whose inputs are integers has no gradient.
    """
    trained, fixed, shared = members_of(case, 2).part(0, 2)
    if not list(tree_leaves(trained)):
        return
    rng = np.random.default_rng(5)
    direction = tree_map(lambda leaf: rng.normal(size=leaf.shape), trained)
    fleet = backend.compile(gradients_of(backend, case), loops=True)

    def sums(step: float) -> tuple[Array, Trained]:
        there = tree_map(lambda leaf, d: leaf + step * d, trained, direction)
        losses, gradients, _ = backend.to_numpy(fleet(*backend.asarray((there, fixed, shared))))
        return losses, gradients

    losses, gradients = sums(0.0)
    # The derivative by an input that is missing has no meaning.
    slopes = tree_map(lambda g, d, x: np.sum(g * d, where=~np.isnan(x)), gradients, direction, trained)
    found = float(sum(tree_leaves(slopes)))
    expected = float(np.sum(sums(_STEP)[0] - sums(-_STEP)[0])) / (2 * _STEP)
    slack = 1e-8 * (1 + float(np.abs(losses).sum()))
    agree = np.isclose(found, expected, rtol=1e-6, atol=slack)
    assert agree, f"{case.name}, {backend.name}: the gradient gives {found}, a central difference {expected}"


def assert_same_bits(backend: Backend, case: LayerCase) -> None:
    """Check that outputs, gradients and buffers of a member are the same bits in chunks of 1, 3 and 10 members."""
    members = members_of(case, _MEMBERS)
    fleet = backend.compile(gradients_of(backend, case), loops=True, members=(0, 0, None))

    def run(start: int, size: int) -> dict[str, np.ndarray]:
        losses, gradients, found = backend.to_numpy(fleet(*backend.asarray(members.part(start, size))))
        return tree_flatten({"losses": losses, "gradients": gradients, "results": found})

    whole = run(0, _MEMBERS)
    for size in _CHUNKS:
        for start in range(0, _MEMBERS - size + 1, size):
            for name, part in run(start, size).items():
                same = np.array_equal(part, whole[name][start : start + size], equal_nan=True)
                assert same, f"{case.name}, {backend.name}, {backend.dtype}: {name} has other bits in a chunk of {size}"


def gradients_of(backend: Backend, case: LayerCase) -> Callable[..., tuple[Array, Trained, Found]]:
    """Return `(trained, fixed, shared) -> (losses, gradients, results)` of all members."""
    xp = backend.xp

    def gradient(trained: Trained, fixed: Fixed, shared: Tree) -> tuple[Array, Trained, Found]:
        def member(trained: Trained, fixed: Fixed, shared: Tree) -> tuple[Array, Found]:
            found = _results(case, trained, fixed, shared, xp)
            both = [xp.astype(found[name], xp.float) for name in ("trained", "outputs")]
            return xp.sum(xp.stack(both) * fixed["scales"]), found

        def total(trained: Trained, fixed: Fixed) -> tuple[Array, tuple[Array, Found]]:
            losses, found = backend.vmap(member, (0, 0, None))(trained, fixed, shared)
            return xp.sum(losses), (losses, found)

        if not list(tree_leaves(trained)):
            _, (losses, found) = total(trained, fixed)
            return losses, trained, found
        (_, (losses, found)), gradients = backend.value_and_grad(total)(trained, fixed)
        return losses, gradients, found

    return gradient


def _results(case: LayerCase, trained: Trained, fixed: Fixed, shared: Tree, xp: Namespace) -> Found:
    """Return the results of one member."""
    variables = Variables(trained["params"], fixed["buffers"], shared)
    inputs: Any = {**trained["inputs"], **fixed["inputs"]}
    if not isinstance(case.inputs, Mapping):
        (inputs,) = inputs.values()
    key = fixed["key"] if case.draws else None
    after = training_pass(case.layer, variables, inputs, Pass(xp=xp, weights=fixed["weights"], key=key, training=True))
    outputs = case.layer.apply(variables, inputs, Pass(xp=xp, weights=fixed["weights"]))
    return {"trained": after.outputs, "outputs": outputs, "buffers": after.buffers}


def members_of(case: LayerCase, count: int) -> Members:
    """Return members that differ in variables, rows, weights and keys."""
    each = [_member(case, place) for place in range(count)]
    trained, fixed = zip(*each, strict=True)
    return Members(
        trained=tree_map(lambda *leaves: np.stack(leaves), *trained),
        fixed=tree_map(lambda *leaves: np.stack(leaves), *fixed),
        shared=case.variables.shared,
    )


def _member(case: LayerCase, place: int) -> tuple[Trained, Fixed]:
    rng = np.random.default_rng(place)
    own = case.rows(np.roll(np.arange(case.count), place))
    variables = case.layer.init(rng, case.shape)
    if isinstance(case.layer, SupportsAdapt):
        variables = fitted(case.layer, [own.rows(slice(0, 2 * case.count // 3)).inputs], variables, seed=place)
    inputs = own.inputs if isinstance(own.inputs, Mapping) else {"": own.inputs}
    output_shape = case.layer.output_shape(case.shape)
    trained: Trained = {"params": variables.params, "inputs": dict(_of_kind(inputs, floats=True))}
    fixed: Fixed = {
        "buffers": variables.buffers,
        "inputs": dict(_of_kind(inputs, floats=False)),
        "weights": np.roll(np.arange(case.count) % 3, place).astype(np.float64),
        "key": np.array([place, 3], np.uint32),
        "scales": rng.normal(size=(2, case.count, *output_shape)),
    }
    return trained, fixed


def _of_kind(inputs: Mapping[str, np.ndarray], *, floats: bool) -> Iterator[tuple[str, np.ndarray]]:
    return ((name, x) for name, x in inputs.items() if (x.dtype.kind == "f") == floats)
