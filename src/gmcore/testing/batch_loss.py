"""Contract suite for losses of a whole batch."""

# ruff: noqa: S101 - these are checks

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, BatchLoss
from gmcore.testing.loss import LossCase, LossSuite

__all__ = ["BatchLossContract"]

# Sums of a few rows in another order, in float64.
_ROUNDING = 1e-12
# Of a step of 1e-6, central differences in float64 keep about nine digits.
_STEP, _RELATIVE, _ABSOLUTE = 1e-6, 1e-6, 1e-8


class BatchLossContract(LossSuite):
    """Checks for a `BatchLoss`; subclass it as `TestYours` in a test module, and pytest runs them.

    Numbers are checked under the NumPy reference; gradients and fleets on every backend that is installed.
    """

    @abstractmethod
    def loss(self) -> BatchLoss:
        """Return a new loss, the same every time."""

    def test_it_is_a_loss_of_a_batch(self) -> None:
        """The port is subclassed, or its methods are all there."""
        assert isinstance(self.loss(), BatchLoss)

    def test_the_loss_is_a_finite_scalar_in_the_dtype_of_the_outputs(self) -> None:
        """In float32 and float64, also of one row."""
        for name, case in self.cases():
            for dtype in ("float32", "float64"):
                for count in (len(case.targets), 1):
                    found = _of_batch(self.loss(), _rows(case, np.arange(count)), dtype=dtype)
                    assert found.shape == (), f"{name}: a loss of shape {found.shape}"
                    assert found.dtype == dtype, f"{name}: {found.dtype} from {dtype}"
                    assert np.isfinite(found), f"{name}: {found} for {count} rows"

    def test_of_rows_repeats_the_loss_of_rows_of_weight_1(self) -> None:
        """`(batch,)`, so that the loss is also a `Loss`."""
        for name, case in self.cases():
            loss, xp = self.loss(), NumPyNamespace()
            found = loss.of_rows(case.outputs, case.targets, settings=loss.settings, xp=xp)
            assert found.shape == case.targets.shape[:1], f"{name}: {found.shape}"
            assert np.allclose(found, _of_batch(loss, case), rtol=_ROUNDING, atol=0), name

    def test_the_order_of_the_rows_does_not_count(self) -> None:
        """Of rows with other weights, too."""
        for name, case in self.cases():
            order, weights = np.arange(len(case.targets))[::-1], _weights(case)
            found = _of_batch(self.loss(), _rows(case, order), weights[order])
            _assert_same(found, _of_batch(self.loss(), case, weights), name)

    def test_a_row_of_weight_2_counts_as_two_rows(self) -> None:
        """The loss is that of the rows with one of them repeated."""
        for name, case in self.cases():
            weights = np.ones(len(case.targets))
            weights[1] = 2.0
            twice = _rows(case, np.append(np.arange(len(weights)), 1))
            _assert_same(_of_batch(self.loss(), case, weights), _of_batch(self.loss(), twice), name)

    def test_a_row_of_weight_0_does_not_count(self) -> None:
        """Wherever it is, as padding is at the end of a batch."""
        for name, case in self.cases():
            weights = _weights(case)
            weights[[0, 4, -1]] = 0.0
            some = np.flatnonzero(weights)
            found = _of_batch(self.loss(), case, weights)
            _assert_same(found, _of_batch(self.loss(), _rows(case, some), weights[some]), name)

    def test_settings_as_arrays_equal_settings_as_numbers(self) -> None:
        """Members of a fleet pass scalar arrays in the dtype of the outputs."""
        for name, case in self.cases():
            arrays = {key: np.asarray(value) for key, value in self.loss().settings.items()}
            _assert_same(_of_batch(self.loss(), case, settings=arrays), _of_batch(self.loss(), case), name)

    def test_every_setting_changes_the_loss(self) -> None:
        """A setting that the formula does without is not among them, and `of_batch` reads what it is given."""
        for setting, value in self.loss().settings.items():
            changed = {**self.loss().settings, setting: value / 2}
            cases = [case for _, case in self.cases()]
            pairs = [(_of_batch(self.loss(), case, settings=changed), _of_batch(self.loss(), case)) for case in cases]
            assert not all(new == old for new, old in pairs), f"{setting} changes nothing"

    def test_the_gradient_equals_central_differences(self) -> None:
        """Of one output at a time, for rows of several weights, on every backend, in float64."""
        for backend in self.backends():
            for name, case in self.cases():
                weights = _weights(case)
                weights[2] = 0.0
                found, expected = (
                    _gradient(backend, self.loss(), case, weights),
                    _differences(self.loss(), case, weights),
                )
                assert np.any(expected), f"{name}: the gradient is 0 everywhere"
                same = np.allclose(found, expected, rtol=_RELATIVE, atol=_ABSOLUTE)
                assert same, f"{name}, {backend.name}: off by {np.abs(found - expected).max():.1e}"

    def test_loss_and_gradient_of_no_rows_are_finite(self) -> None:
        """If all weights are 0, as for a member with fewer steps than others, and if all outputs are equal."""
        for backend in self.backends():
            for name, case in self.cases():
                constant = LossCase(outputs=np.zeros_like(case.outputs), targets=case.targets)
                ones, zeros = np.ones(len(case.targets)), np.zeros(len(case.targets))
                for some, weights in ((case, zeros), (constant, ones), (constant, zeros)):
                    assert np.isfinite(_of_batch(self.loss(), some, weights)), f"{name}: the loss is not finite"
                    gradient = _gradient(backend, self.loss(), some, weights)
                    assert np.isfinite(gradient).all(), f"{name}, {backend.name}: the gradient is not finite"

    def test_members_of_a_fleet_get_the_loss_of_each_alone(self) -> None:
        """A backend's `vmap` over outputs, weights and settings gives the reference's losses."""
        for backend in self.backends():
            for name, case in self.cases():
                outputs, weights = (
                    np.stack([case.outputs, -case.outputs]),
                    np.stack([_weights(case), _weights(case)[::-1]]),
                )
                settings = {key: np.array([value, value / 2]) for key, value in self.loss().settings.items()}
                fleet = _fleet(backend, self.loss(), outputs, case.targets, weights, settings)
                for member, found in enumerate(fleet):
                    own = {key: values[member] for key, values in settings.items()}
                    alone = LossCase(outputs=outputs[member], targets=case.targets)
                    _assert_same(found, _of_batch(self.loss(), alone, weights[member], settings=own), name)


def _weights(case: LossCase) -> np.ndarray:
    return np.random.default_rng(9).uniform(0.5, 2.0, size=len(case.targets))


def _rows(case: LossCase, rows: np.ndarray) -> LossCase:
    return LossCase(outputs=case.outputs[rows], targets=case.targets[rows])


def _of_batch(
    loss: BatchLoss,
    case: LossCase,
    weights: np.ndarray | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    dtype: str = "float64",
) -> np.ndarray:
    """Return the loss on the NumPy reference; by default with weights of 1 and the loss's own settings."""
    given = loss.settings if settings is None else settings
    weights = np.ones(len(case.targets)) if weights is None else weights
    outputs, targets, weights = (_as(array, dtype) for array in (case.outputs, case.targets, weights))
    return np.asarray(loss.of_batch(outputs, targets, weights, settings=given, xp=NumPyNamespace(dtype)))


def _as(array: np.ndarray, dtype: str) -> np.ndarray:
    return array.astype(dtype) if array.dtype.kind == "f" else array


def _assert_same(found: np.ndarray, expected: np.ndarray, name: str) -> None:
    assert np.allclose(found, expected, rtol=_ROUNDING, atol=_ROUNDING), f"{name}: {found}, expected {expected}"


def _differences(loss: BatchLoss, case: LossCase, weights: np.ndarray) -> np.ndarray:
    """Return the gradient of the loss by the outputs, one output at a time."""

    def at(step: np.ndarray) -> float:
        return float(_of_batch(loss, LossCase(outputs=case.outputs + step, targets=case.targets), weights))

    steps = _STEP * np.eye(case.outputs.size).reshape(-1, *case.outputs.shape)
    return np.array([(at(step) - at(-step)) / (2 * _STEP) for step in steps]).reshape(case.outputs.shape)


def _gradient(backend: Backend, loss: BatchLoss, case: LossCase, weights: np.ndarray) -> np.ndarray:
    def value(outputs: Array, targets: Array, weights: Array, settings: Tree) -> tuple[Array, tuple[()]]:
        return loss.of_batch(outputs, targets, weights, settings=settings, xp=backend.xp), ()

    # `loops`, though there are none, so that no slow compiler of single functions is called.
    gradient_of = backend.compile(backend.value_and_grad(value), loops=True)
    arguments = backend.asarray((case.outputs, case.targets, weights, _settings_tree(loss.settings)))
    found: np.ndarray = backend.to_numpy(gradient_of(*arguments)[1])
    return found


def _fleet(
    backend: Backend,
    loss: BatchLoss,
    outputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    settings: Mapping[str, np.ndarray],
) -> Iterator[np.ndarray]:
    """Yield the loss of each member."""

    def member(outputs: Array, targets: Array, weights: Array, settings: Tree) -> Array:
        return loss.of_batch(outputs, targets, weights, settings=settings, xp=backend.xp)

    fleet = backend.compile(backend.vmap(member, (0, None, 0, 0)), loops=True)
    yield from backend.to_numpy(fleet(*backend.asarray((outputs, targets, weights, _settings_tree(settings)))))


def _settings_tree(settings: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value, np.float64) for name, value in settings.items()}
