"""Comparison of a namespace's results with the NumPy reference."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable

import numpy as np

from gmcore.domain import Array
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend
from gmcore.testing.backend_checks.call import Call
from gmcore.testing.backend_checks.differences import central_differences, gradient_error

__all__ = ["assert_all_hold", "compare", "compare_gradient"]

# Tolerance in units in the last place; multiplied by `slack` for matrix products and sums.
_UNITS = 16


def assert_all_hold(calls: list[Call], check: Callable[[Call], str]) -> None:
    """Fail with a list of all calls for which `check` returns an error message."""
    wrong = [f"{call}: {problem}" for call in calls if (problem := check(call))]
    assert not wrong, "\n".join(wrong)


def compare(backend: Backend, reference: NumPyNamespace, call: Call) -> str:
    """Return an error message about a call's result; empty if it is right."""
    expected = call.on(reference)
    found = backend.to_numpy(call.placed(backend).on(backend.xp))
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    problems = [_difference(np.asarray(one), np.asarray(other), call.slack) for one, other in pairs]
    return "; ".join(filter(None, problems))


def _difference(found: np.ndarray, expected: np.ndarray, slack: float) -> str:
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        return f"expected {expected.dtype}{expected.shape}, got {found.dtype}{found.shape}"
    if expected.dtype.kind != "f":
        return "" if np.array_equal(found, expected) else f"expected {expected}, got {found}"
    limits = np.finfo(expected.dtype)
    # Sums may lose terms that are small relative to the largest; a device may flush subnormal numbers to 0.
    finite = np.abs(expected[np.isfinite(expected)])
    scale = float(finite.max(initial=0.0)) if slack > 1 else 0.0
    tolerance = _UNITS * slack * float(limits.eps)
    with np.errstate(all="ignore"):
        same = np.isclose(
            found, expected, rtol=tolerance, atol=tolerance * scale + 4 * float(limits.tiny), equal_nan=True
        )
    return "" if same.all() else f"expected {expected[~same][:4]}, got {found[~same][:4]}"


def compare_gradient(backend: Backend, call: Call) -> str:
    """Return an error message about a call's gradient, compared with central differences; empty if it is right."""
    reference, placed = NumPyNamespace("float64"), call.placed(backend)
    weights = np.random.default_rng(9).normal(size=np.shape(call.smooth_result(reference)))
    device_weights = backend.asarray(weights)

    def total(x: np.ndarray) -> float:
        return float(np.sum(call.but({call.gradient_of: x}).smooth_result(reference) * weights))

    def fn(x: Array) -> tuple[Array, None]:
        result = placed.but({call.gradient_of: x}).smooth_result(backend.xp)
        return backend.xp.sum(result * device_weights), None

    _, gradient = backend.value_and_grad(fn)(placed.x)
    return gradient_error(backend.to_numpy(gradient), central_differences(total, call.x))
