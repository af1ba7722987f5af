"""Contract suite for gradient strategies."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar, NamedTuple

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.nn.gradients import Backpropagation
from gmcore.ports import Backend, FleetLoss, GradientStrategy, Losses
from gmcore.testing.abilities import usable_backends
from gmcore.testing.gradient_checks import (
    assert_close,
    assert_uphill,
    check_inner_strategies,
    check_training_pass,
    recurrent_gradient,
    repeat_the_first,
    set_rows,
)
from gmcore.testing.model_checks.passes import same_leaves

__all__ = ["GradientStrategyContract"]

_MEMBERS, _ROWS, _INPUTS, _HIDDEN, _STEPS = 10, 10, 3, 4, 3
_CHUNKS = (slice(0, 1), slice(9, 10), slice(2, 5), slice(None))
_DTYPES = ("float32", "float64")
_RATE = 0.1


class _Gradient(NamedTuple):
    """What a strategy returned, on the host."""

    value: np.ndarray
    losses: np.ndarray
    buffers: Tree
    gradients: Tree


class GradientStrategyContract(ABC):
    """Checks for a gradient strategy; subclass it as `TestYours` in a test module, and pytest runs them.

    They run on every installed backend, of which there must be one, with a network of one hidden layer and a buffer
    that each pass changes, for ten members of which some have few rows.

    Attributes:
        exact: whether the gradient is that of backpropagation up to rounding; set it to False for a strategy that
            approximates it, whose gradient then must point uphill.
    """

    exact: ClassVar[bool] = True

    @abstractmethod
    def strategy(self) -> GradientStrategy:
        """Return a new strategy, an equal one at every call."""

    def backends(self, dtype: str) -> Iterator[Backend]:
        """Yield every installed backend of a dtype that is available, on the CPU; there must be one."""
        return usable_backends(dtype)

    def test_it_is_a_gradient_strategy(self) -> None:
        """The port is subclassed, or its methods are all there."""
        assert isinstance(self.strategy(), GradientStrategy)

    def test_value_losses_and_gradient_are_those_of_the_whole_batch(self) -> None:
        """Also of a batch of one row. Losses are the members' weighted sums, 0 for a member without rows of any weight.

        If the strategy is not exact, the product of its gradient with the true one is positive.
        """
        for backend in self.backends("float64"):
            for rows in (_ROWS, 1):
                found, expected = (
                    _gradient(backend, one, _batch(rows)) for one in (self.strategy(), Backpropagation())
                )
                assert np.shape(found.value) == (), f"{backend.name}: the value has shape {np.shape(found.value)}"
                assert_close({"value": found.value}, {"value": expected.value}, backend.name)
                assert_close({"losses": found.losses}, {"losses": expected.losses}, backend.name)
                assert _signature(found.gradients) == _signature(expected.gradients), backend.name
                if self.exact:
                    assert_close(found.gradients, expected.gradients, backend.name)
                else:
                    assert_uphill(found.gradients, expected.gradients, backend.name)

    def test_rows_of_weight_0_change_nothing(self) -> None:
        """Wherever they are in the batch."""
        for backend in self.backends("float64"):
            alone, padded = _batch(), _batch(_ROWS + 3)
            padded["weights"][:, :3] = 0.0
            set_rows(padded, slice(3, None), alone)
            found, expected = (_gradient(backend, self.strategy(), batch) for batch in (padded, alone))
            self._assert_same(found, expected, backend)

    def test_a_row_of_weight_2_counts_as_two_rows(self) -> None:
        """In losses and gradients."""
        for backend in self.backends("float64"):
            once, twice = _batch(), _batch(_ROWS + 1)
            set_rows(twice, slice(_ROWS), once)
            for name in ("inputs", "targets"):
                tree_map(repeat_the_first, twice[name])
            twice["weights"][:, -1] = twice["weights"][:, 0]
            once["weights"][:, 0] *= 2
            found, expected = (_gradient(backend, self.strategy(), batch) for batch in (once, twice))
            self._assert_same(found, expected, backend)

    def test_buffers_keep_their_names_shapes_and_dtypes(self) -> None:
        """In float32 and float64; where training changes none, they are an empty tree."""
        for dtype in _DTYPES:
            for backend in self.backends(dtype):
                found = _gradient(backend, self.strategy(), _batch()).buffers
                assert _signature(found) == _signature(backend.to_numpy(backend.asarray(_buffers()))), backend.name
                assert all(np.isfinite(leaf).all() for leaf in tree_leaves(found)), backend.name
                none = _gradient(backend, self.strategy(), _batch(), buffers={}).buffers
                assert list(tree_leaves(none)) == [], f"{backend.name}: got buffers from a loss without any"

    def test_a_member_that_is_not_finite_spoils_no_other(self) -> None:
        """NaN in the rows of one member changes no bit of the others."""
        for backend in self.backends("float64"):
            spoilt, whole = _batch(), _batch()
            spoilt["inputs"]["numeric"][4] = np.nan
            found, expected = (_gradient(backend, self.strategy(), batch) for batch in (spoilt, whole))
            assert not np.isfinite(found.losses[4]), f"{backend.name}: the loss of NaN is {found.losses[4]}"
            others = np.arange(_MEMBERS) != 4  # noqa: PLR2004 - as above
            assert same_leaves(_members(found, others), _members(expected, others)), backend.name

    def test_it_is_a_pure_function(self) -> None:
        """Equal arguments give equal bits: by the same object, after another batch, and by an equal one."""
        for backend in self.backends("float64"):
            strategy = self.strategy()
            first = _gradient(backend, strategy, _batch())
            _gradient(backend, strategy, _batch(seed=2))
            for again in (_gradient(backend, strategy, _batch()), _gradient(backend, self.strategy(), _batch())):
                assert same_leaves(_members(again, slice(None)), _members(first, slice(None))), backend.name

    def test_random_numbers_follow_from_the_keys_alone(self) -> None:
        """Members with other keys have other noise; equal keys give equal bits."""
        for backend in self.backends("float64"):
            batch = _batch()
            other = {**batch, "key": batch["key"] + np.uint32(1)}
            first, again, changed = (
                _gradient(backend, self.strategy(), one, noise=0.5) for one in (batch, batch, other)
            )
            assert np.array_equal(first.losses, again.losses), f"{backend.name}: equal keys give other numbers"
            differ = first.losses != changed.losses
            assert differ[_counts()].all(), f"{backend.name}: other keys give equal numbers"

    def test_chunks_of_1_3_and_10_members_have_the_same_bits(self) -> None:
        """Steps against the gradient in a `Backend.scan`, on the CPU."""
        for backend in self.backends("float32"):
            program = _descent(backend, self.strategy())
            found = [backend.to_numpy(program(*_steps(backend, chunk))) for chunk in _CHUNKS]
            whole = found[-1]
            assert all(np.isfinite(leaf).all() for leaf in tree_leaves(whole)), backend.name
            for chunk, one in zip(_CHUNKS, found, strict=True):
                same = same_leaves(one, tree_map(lambda leaf, chunk=chunk: leaf[chunk], whole))
                assert same, f"{backend.name}: members {chunk} differ from their bits among {_MEMBERS}"

    def test_rows_at_once_are_a_part_of_the_batch(self) -> None:
        """A whole number from 1 to the batch size, from which memory is estimated."""
        for batch_size in (1, 7, 32, 1000):
            rows = self.strategy().rows_at_once(batch_size)
            assert isinstance(rows, int), f"{rows!r} for a batch of {batch_size}"
            assert 1 <= rows <= batch_size, f"{rows} for a batch of {batch_size}"

    def test_a_recurrent_layer_has_the_gradient_of_the_whole_sequence(self) -> None:
        """If the strategy is not exact, the loss is that of backpropagation, and the gradient points uphill."""
        for backend in self.backends("float64"):
            found, expected = (recurrent_gradient(backend, one) for one in (self.strategy(), Backpropagation()))
            assert_close({"value": found[0]}, {"value": expected[0]}, backend.name)
            if self.exact:
                assert_close(found[1], expected[1], backend.name)
            else:
                assert_uphill(found[1], expected[1], backend.name)

    def test_a_training_pass_is_changed_in_truncation_and_checkpoint_alone(self) -> None:
        """Weights and key stay those of the batch, and an exact strategy truncates nothing."""
        for backend in self.backends("float64"):
            check_training_pass(self.strategy(), backend, exact=self.exact)

    def test_the_training_pass_of_a_strategy_inside_is_handed_on(self) -> None:
        """Of each option that is a gradient strategy; there may be none."""
        for backend in self.backends("float64"):
            check_inner_strategies(self.strategy(), backend)

    def _assert_same(self, found: _Gradient, expected: _Gradient, backend: Backend) -> None:
        assert_close({"losses": found.losses}, {"losses": expected.losses}, backend.name)
        assert_close(found.gradients, expected.gradients, backend.name)


def _params() -> Tree:
    rng = np.random.default_rng(1)
    return {
        "hidden": {
            "weight": rng.normal(size=(_MEMBERS, _INPUTS, _HIDDEN)),
            "bias": rng.normal(size=(_MEMBERS, _HIDDEN)),
        },
        "out": rng.normal(size=(_MEMBERS, _HIDDEN)),
    }


def _buffers() -> Tree:
    return {"mean": np.zeros((_MEMBERS, _INPUTS))}


def _counts() -> np.ndarray:
    """Return the mask of the members that have rows of any weight: all but number 2."""
    mask: np.ndarray = np.arange(_MEMBERS) != 2  # noqa: PLR2004 - as above
    return mask


def _batch(rows: int = _ROWS, seed: int = 0) -> Tree:
    """Return a batch in which member 1 has a single row, and member 2 none of any weight."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 2.0, size=(_MEMBERS, rows))
    weights[1, 1:] = weights[2] = 0.0
    return {
        "inputs": {"numeric": rng.normal(size=(_MEMBERS, rows, _INPUTS))},
        "targets": rng.normal(size=(_MEMBERS, rows, 1)),
        "weights": weights,
        "key": np.stack([np.arange(_MEMBERS), np.arange(_MEMBERS) + 7], axis=1).astype(np.uint32),
    }


def _loss(backend: Backend, weights: Array, noise: float) -> FleetLoss:
    """Return the loss of a network whose buffer averages its inputs; `weights` are those of the whole batch."""
    xp = backend.xp
    total = xp.sum(weights, axis=1)
    total = xp.where(total > 0, total, 1.0)

    def member(params: Tree, buffers: Tree, batch: Tree) -> tuple[Array, Tree]:
        rows, own = batch["inputs"]["numeric"], batch["weights"]
        hidden = xp.tanh(xp.matmul(rows, params["hidden"]["weight"]) + params["hidden"]["bias"])
        outputs = xp.matmul(hidden, xp.expand_dims(params["out"], -1))
        if noise:
            outputs = outputs + noise * xp.random.uniform(batch["key"], outputs.shape)
        losses = xp.sum(xp.square(outputs - batch["targets"]), axis=-1)
        mean = xp.sum(rows * xp.expand_dims(own, -1), axis=0)
        return xp.sum(losses * own), {name: 0.9 * leaf + 0.1 * mean for name, leaf in buffers.items()}

    def fleet(params: Tree, buffers: Tree, batch: Tree) -> Losses:
        losses, after = backend.vmap(member)(params, buffers, batch)
        return xp.sum(losses / total), (losses, after)

    return fleet


def _gradient(
    backend: Backend, strategy: GradientStrategy, batch: Tree, *, buffers: Tree | None = None, noise: float = 0.0
) -> _Gradient:
    """Return what a strategy returns for the losses of a batch."""

    def gradient(params: Tree, buffers: Tree, batch: Tree) -> tuple[Losses, Tree]:
        return strategy.gradient(_loss(backend, batch["weights"], noise), params, buffers, batch, backend=backend)

    # `loops`, so that no slow compiler of single functions is called.
    program = backend.compile(gradient, loops=True)
    arguments = backend.asarray((_params(), _buffers() if buffers is None else buffers, batch))
    (value, (losses, after)), gradients = backend.to_numpy(program(*arguments))
    return _Gradient(value, losses, after, gradients)


def _descent(backend: Backend, strategy: GradientStrategy) -> Callable[[Tree, Tree], Tree]:
    """Return a program that takes steps against the gradient: `(carry, batches) -> carry`."""

    def step(carry: Tree, batch: Tree, _: None) -> tuple[Tree, None]:
        loss = _loss(backend, batch["weights"], noise=0.0)
        found = strategy.gradient(loss, carry["params"], carry["buffers"], batch, backend=backend)
        (_, (losses, buffers)), gradients = found
        params = tree_map(lambda leaf, slope: leaf - _RATE * slope, carry["params"], gradients)
        return {"params": params, "buffers": buffers, "losses": carry["losses"] + losses}, None

    def descend(carry: Tree, batches: Tree) -> Tree:
        return backend.scan(step, carry, batches)[0]

    return backend.compile(descend, loops=True, members=(0, 1))


def _steps(backend: Backend, chunk: slice) -> tuple[Tree, Tree]:
    """Return the carry and the batches of some members."""
    carry = {"params": _params(), "buffers": _buffers(), "losses": np.zeros(_MEMBERS)}
    batches = tree_map(lambda *leaves: np.stack(leaves), *(_batch(seed=seed) for seed in range(_STEPS)))
    some = tree_map(lambda leaf: leaf[chunk], carry), tree_map(lambda leaf: leaf[:, chunk], batches)
    return backend.asarray(some)


def _members(found: _Gradient, some: slice | np.ndarray) -> Tree:
    """Return losses, buffers and gradients of some members."""
    trees = {"losses": found.losses, "buffers": found.buffers, "gradients": found.gradients}
    return tree_map(lambda leaf: leaf[some], trees)


def _signature(tree: Tree) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {path: (leaf.shape, leaf.dtype) for path, leaf in tree_flatten(tree).items()}
