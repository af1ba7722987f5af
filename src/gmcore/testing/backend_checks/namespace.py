"""Comparison of a namespace's results with the NumPy reference."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable

import numpy as np

from gmcore.domain import Array
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend, Namespace
from gmcore.testing.backend_checks.namespace_cases import Call

__all__ = ["assert_all_hold", "compare", "compare_gradient"]

# Tolerance in units in the last place; multiplied by `slack` for matrix products and sums.
_UNITS = 16
# Central differences in float64 with this step have a relative error of about its square.
_STEP = 1e-5
_GRADIENT = {"float32": 2e-4, "float64": 1e-7}


def assert_all_hold(calls: list[Call], check: Callable[[Call], str]) -> None:
    """Fail with a list of all calls for which `check` returns an error message."""
    wrong = [f"{call}: {problem}" for call in calls if (problem := check(call))]
    assert not wrong, "\n".join(wrong)


def _on_device(backend: Backend, argument: Array) -> Array:
    if isinstance(argument, np.ndarray):
        return backend.asarray(argument)
    return [backend.asarray(one) for one in argument] if isinstance(argument, list) else argument


def _run(namespace: Namespace, call: Call, place: Callable[[Array], Array]) -> Array:
    arguments = [getattr(namespace, one) if isinstance(one, str) else place(one) for one in call.arguments]
    return getattr(namespace, call.name)(*arguments, **call.options)


def compare(backend: Backend, reference: NumPyNamespace, call: Call) -> str:
    """Return an error message about a call's result; empty if it is right."""
    expected = np.asarray(_run(reference, call, lambda argument: argument))
    found = np.asarray(backend.to_numpy(_run(backend.xp, call, lambda one: _on_device(backend, one))))
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        return f"expected {expected.dtype}{expected.shape}, got {found.dtype}{found.shape}"
    if expected.dtype.kind != "f":
        return "" if np.array_equal(found, expected) else f"expected {expected}, got {found}"
    limits = np.finfo(expected.dtype)
    # Sums may lose terms that are small relative to the largest; a device may flush subnormal numbers to 0.
    finite = np.abs(expected[np.isfinite(expected)])
    scale = float(finite.max(initial=0.0)) if call.slack > 1 else 0.0
    tolerance = _UNITS * call.slack * float(limits.eps)
    with np.errstate(all="ignore"):
        same = np.isclose(
            found, expected, rtol=tolerance, atol=tolerance * scale + 4 * float(limits.tiny), equal_nan=True
        )
    return "" if same.all() else f"expected {expected[~same][:4]}, got {found[~same][:4]}"


def compare_gradient(backend: Backend, call: Call) -> str:
    """Return an error message about a call's gradient, compared with central differences; empty if it is right."""
    x = np.asarray(call.arguments[0], np.float64)
    reference = NumPyNamespace("float64")
    weights = np.random.default_rng(9).normal(size=np.shape(_run(reference, call, lambda one: one)))

    def total(values: np.ndarray) -> float:
        moved = Call(call.name, (values, *call.arguments[1:]), call.options)
        return float(np.sum(_run(reference, moved, lambda one: one) * weights))

    steps = np.eye(x.size).reshape(x.size, *x.shape) * _STEP
    expected = np.array([(total(x + step) - total(x - step)) / (2 * _STEP) for step in steps]).reshape(x.shape)
    rest = [_on_device(backend, one) for one in call.arguments[1:]]
    device_weights = backend.asarray(weights)

    def fn(values: Array) -> tuple[Array, None]:
        return backend.xp.sum(getattr(backend.xp, call.name)(values, *rest, **call.options) * device_weights), None

    _, gradient = backend.value_and_grad(fn)(backend.asarray(x))
    found = backend.to_numpy(gradient)
    error = np.max(np.abs(found - expected)) / max(1.0, float(np.max(np.abs(expected))))
    return "" if error <= _GRADIENT[backend.dtype] else f"gradient is off by {error:.1e}"
