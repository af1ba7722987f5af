"""Contract suite for losses."""

# ruff: noqa: S101 - these are checks

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, BatchLoss, Loss
from gmcore.testing.abilities import usable_backends

__all__ = ["LossCase", "LossContract", "LossSuite"]

_ROWS = 12
# Of a step of 1e-6, central differences in float64 keep about nine digits.
_STEP, _RELATIVE, _ABSOLUTE = 1e-6, 1e-7, 1e-8


@attrs.frozen(kw_only=True)
class LossCase:
    """Rows that a loss is computed for.

    Attributes:
        outputs: of a model, `(batch, width)`, float64.
        targets: class indices, `(batch,)`, int32, or numbers, `(batch, targets)`, float64.
    """

    outputs: np.ndarray
    targets: np.ndarray


class LossSuite(ABC):
    """What the suites of losses per row and of losses of a batch share: rows, and checks of targets and settings."""

    @abstractmethod
    def loss(self) -> Loss:
        """Return a new loss, the same every time."""

    def targets(self) -> Mapping[str, Target]:
        """Return one target of each kind by a name; the loss must accept at least one and refuse at least one."""
        return {
            "two classes": Target(names=("sick",), kind=TargetKind.BINARY, classes=("no", "yes")),
            "three classes": Target(names=("species",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c")),
            "one number": Target(names=("price",), kind=TargetKind.REGRESSION),
            "two numbers": Target(names=("cat", "dog"), kind=TargetKind.REGRESSION),
        }

    def case(self, target: Target) -> LossCase:
        """Return 12 rows for an accepted target; override for a loss that these don't fit.

        Outputs are normal: one log-odds for two classes, a score for each of several classes, or a number for each
        column. Numeric targets are from 0 to 1, and those of a row sum to 1 where there are several.
        """
        rng = np.random.default_rng(3)
        width = 1 if target.kind is TargetKind.BINARY else target.width
        outputs = 3 * rng.normal(size=(_ROWS, width))
        if target.is_classification:
            return LossCase(outputs=outputs, targets=np.arange(_ROWS, dtype=np.int32) % target.width)
        numbers = rng.uniform(size=(_ROWS, width))
        return LossCase(outputs=outputs, targets=numbers / numbers.sum(axis=1, keepdims=True) if width > 1 else numbers)

    def backends(self) -> Iterator[Backend]:
        """Yield a float64 backend on the CPU for each that is installed and can be used here; there must be one."""
        return usable_backends("float64")

    def cases(self) -> Iterator[tuple[str, LossCase]]:
        """Yield the rows of each accepted target by its name."""
        for name, target in self.targets().items():
            if _refusal(self.loss(), target) is None:
                yield name, self.case(target)

    def test_it_is_a_loss(self) -> None:
        """The port is subclassed, or its methods are all there."""
        assert isinstance(self.loss(), Loss)

    def test_a_target_is_accepted_or_refused_with_a_config_error(self) -> None:
        """No loss fits classes and numbers alike; the error names the target's columns."""
        refusals = {target: _refusal(self.loss(), target) for target in self.targets().values()}
        assert None in refusals.values(), "check refuses every target"
        assert any(refusals.values()), "check refuses no target"
        for target, error in refusals.items():
            assert error is None or all(repr(name) in str(error) for name in target.names), str(error)

    def test_settings_are_finite_numbers_by_name(self) -> None:
        """Python floats, the same for equal losses."""
        settings = self.loss().settings
        assert settings == self.loss().settings
        assert all(type(name) is str and isinstance(value, float) for name, value in settings.items()), settings
        assert np.isfinite(list(settings.values())).all(), settings


class LossContract(LossSuite):
    """Checks for a loss; subclass it as `TestYours` in a test module, and pytest runs them.

    Numbers are checked under the NumPy reference; gradients and fleets on every backend that is installed. A
    `BatchLoss` has its own suite, `BatchLossContract`.
    """

    def test_it_is_a_loss_of_rows(self) -> None:
        """A loss of a whole batch keeps another contract."""
        assert not isinstance(self.loss(), BatchLoss), "check it with BatchLossContract"

    def test_each_row_has_one_finite_number_in_the_dtype_of_the_outputs(self) -> None:
        """`(batch,)`, in float32 and float64, also for one row."""
        for name, case in self.cases():
            for dtype in ("float32", "float64"):
                for count in (_ROWS, 1):
                    losses = _of_rows(self.loss(), _rows(case, slice(count)), dtype=dtype)
                    assert losses.shape == (count,), f"{name}: {losses.shape} for {count} rows"
                    assert losses.dtype == dtype, f"{name}: {losses.dtype} from {dtype}"
                    assert np.isfinite(losses).all(), name

    def test_a_row_does_not_depend_on_other_rows(self) -> None:
        """A part of the rows, in another order, has the same losses."""
        for name, case in self.cases():
            some = np.array([5, 0, 7])
            apart, together = _of_rows(self.loss(), _rows(case, some)), _of_rows(self.loss(), case)[some]
            assert np.allclose(apart, together, rtol=1e-12, atol=0), name

    def test_padding_rows_change_no_other_row(self) -> None:
        """Not even if their outputs are not finite."""
        for name, case in self.cases():
            outputs = np.concatenate([case.outputs, np.full_like(case.outputs[:2], np.nan)])
            padded = LossCase(outputs=outputs, targets=np.concatenate([case.targets, case.targets[:2]]))
            with np.errstate(all="ignore"):
                found = _of_rows(self.loss(), padded)[:_ROWS]
            assert np.allclose(found, _of_rows(self.loss(), case), rtol=1e-12, atol=0), name

    def test_settings_as_arrays_equal_settings_as_numbers(self) -> None:
        """Members of a fleet pass scalar arrays in the dtype of the outputs."""
        for name, case in self.cases():
            for dtype, relative in (("float64", 1e-14), ("float32", 1e-6)):  # a few roundings
                arrays = {key: np.asarray(value, dtype) for key, value in self.loss().settings.items()}
                found, expected = (_of_rows(self.loss(), case, given, dtype) for given in (arrays, None))
                assert found.dtype == dtype, f"{name}: {found.dtype} from {dtype}"
                assert np.allclose(found, expected, rtol=relative, atol=0), name

    def test_every_setting_changes_the_loss(self) -> None:
        """A setting that the formula does without is not among them, and `of_rows` reads what it is given."""
        for setting, value in self.loss().settings.items():
            changed = {**self.loss().settings, setting: value / 2}
            pairs = [(_of_rows(self.loss(), case, changed), _of_rows(self.loss(), case)) for _, case in self.cases()]
            assert not all(np.array_equal(new, old) for new, old in pairs), f"{setting} changes nothing"

    def test_a_step_against_the_gradient_lowers_the_loss(self) -> None:
        """By central differences on the NumPy reference, summed over rows."""
        for name, case in self.cases():
            gradient = _differences(self.loss(), case)
            assert np.any(gradient), f"{name}: the gradient is 0 everywhere"
            moved = attrs.evolve(case, outputs=case.outputs - 1e-4 * gradient)
            assert _of_rows(self.loss(), moved).sum() < _of_rows(self.loss(), case).sum(), name

    def test_the_gradient_equals_central_differences(self) -> None:
        """On every backend, in float64."""
        for backend in self.backends():
            for name, case in self.cases():
                found = _gradient(backend, self.loss(), case)
                same = np.allclose(found, _differences(self.loss(), case), rtol=_RELATIVE, atol=_ABSOLUTE)
                assert same, f"{name}, {backend.name}"

    def test_members_of_a_fleet_get_the_losses_of_each_alone(self) -> None:
        """A backend's `vmap` over outputs and settings gives the reference's losses."""
        for backend in self.backends():
            for name, case in self.cases():
                outputs = np.stack([case.outputs, -case.outputs])
                settings = {key: np.array([value, value / 2]) for key, value in self.loss().settings.items()}
                fleet = _fleet(backend, self.loss(), outputs, case.targets, settings)
                for member, found in enumerate(fleet):
                    own = {key: values[member] for key, values in settings.items()}
                    expected = _of_rows(self.loss(), attrs.evolve(case, outputs=outputs[member]), own)
                    same = np.allclose(found, expected, rtol=1e-10, atol=1e-10)
                    assert same, f"{name}, {backend.name}, member {member}"


def _refusal(loss: Loss, target: Target) -> ConfigError | None:
    """Return the error of `check`, or None if it accepts the target."""
    try:
        loss.check(target)
    except ConfigError as error:
        return error
    return None


def _rows(case: LossCase, rows: Any) -> LossCase:
    return LossCase(outputs=case.outputs[rows], targets=case.targets[rows])


def _as(array: np.ndarray, dtype: str) -> np.ndarray:
    return array.astype(dtype) if array.dtype.kind == "f" else array


def _of_rows(
    loss: Loss, case: LossCase, settings: Mapping[str, Any] | None = None, dtype: str = "float64"
) -> np.ndarray:
    """Return the losses on the NumPy reference; by default with the loss's own settings."""
    given = loss.settings if settings is None else settings
    xp = NumPyNamespace(dtype)
    found: np.ndarray = loss.of_rows(_as(case.outputs, dtype), _as(case.targets, dtype), settings=given, xp=xp)
    return found


def _differences(loss: Loss, case: LossCase) -> np.ndarray:
    """Return the gradient of the losses' sum by the outputs, one output of all rows at a time."""
    columns = []
    for column in np.eye(case.outputs.shape[1]):
        ahead, behind = (
            _of_rows(loss, attrs.evolve(case, outputs=case.outputs + step * column)) for step in (_STEP, -_STEP)
        )
        columns.append((ahead - behind) / (2 * _STEP))
    return np.stack(columns, axis=1)


def _gradient(backend: Backend, loss: Loss, case: LossCase) -> np.ndarray:
    def total(outputs: Array, targets: Array, settings: Mapping[str, Array]) -> tuple[Array, Array]:
        losses = loss.of_rows(outputs, targets, settings=settings, xp=backend.xp)
        return backend.xp.sum(losses), losses

    # `loops`, though there are none, so that no slow compiler of single functions is called.
    gradient_of = backend.compile(backend.value_and_grad(total), loops=True)
    arguments = backend.asarray((case.outputs, case.targets, _settings_tree(loss.settings)))
    found: np.ndarray = backend.to_numpy(gradient_of(*arguments)[1])
    return found


def _fleet(
    backend: Backend, loss: Loss, outputs: np.ndarray, targets: np.ndarray, settings: Mapping[str, np.ndarray]
) -> np.ndarray:
    def member(outputs: Array, targets: Array, settings: Mapping[str, Array]) -> Array:
        return loss.of_rows(outputs, targets, settings=settings, xp=backend.xp)

    fleet = backend.compile(backend.vmap(member, (0, None, 0)), loops=True)
    found: np.ndarray = backend.to_numpy(fleet(*backend.asarray((outputs, targets, _settings_tree(settings)))))
    return found


def _settings_tree(settings: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value, np.float64) for name, value in settings.items()}
