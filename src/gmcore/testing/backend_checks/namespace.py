"""Comparison of a namespace's results with the NumPy reference."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable, Sequence

import numpy as np

from gmcore.domain import Array
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Backend
from gmcore.testing.backend_checks.call import Call
from gmcore.testing.backend_checks.differences import central_differences, gradient_error

__all__ = ["assert_gradients_are_right", "assert_same_alone", "assert_values_are_numpys", "one_of_each"]

# Tolerance in units in the last place; multiplied by `slack` for matrix products and sums.
_UNITS = 16


def one_of_each(calls: Sequence[Call]) -> list[Call]:
    """Return the first call of each function."""
    return list({call.name: call for call in reversed(calls)}.values())


def assert_values_are_numpys(backend: Backend, calls: Sequence[Call]) -> None:
    """Check values, shapes and dtypes of calls, made in one program because that compiles faster than each alone."""
    found = _together(backend, calls, lambda call: call.on(backend.xp))
    _assert_equal(calls, found, NumPyNamespace(backend.dtype))


def assert_same_alone(backend: Backend, calls: Sequence[Call]) -> None:
    """Check values, shapes and dtypes of calls outside any program."""
    found = [backend.to_numpy(call.placed(backend).on(backend.xp)) for call in calls]
    _assert_equal(calls, found, NumPyNamespace(backend.dtype))


def assert_gradients_are_right(backend: Backend, calls: Sequence[Call]) -> None:
    """Check gradients of calls, computed in one program, against central differences of the reference in float64."""
    reference = NumPyNamespace("float64")

    def gradient(call: Call) -> Array:
        def total(x: Array) -> tuple[Array, None]:
            result = call.but({call.gradient_of: x}).smooth_result(backend.xp)
            return backend.xp.sum(result * backend.asarray(_weights(result))), None

        return backend.value_and_grad(total)(call.x)[1]

    def problem(call: Call, found: np.ndarray) -> str:
        def total(x: np.ndarray) -> float:
            result = call.but({call.gradient_of: x}).smooth_result(reference)
            return float(np.sum(result * _weights(result)))

        return gradient_error(found, central_differences(total, call.x))

    _assert_none(calls, [problem(*pair) for pair in zip(calls, _together(backend, calls, gradient), strict=True)])


def _together(backend: Backend, calls: Sequence[Call], result: Callable[[Call], Array]) -> list[Array]:
    """Return the results of all calls, with their arrays as arguments of one program."""

    def run(given: Sequence[Sequence[Array]]) -> list[Array]:
        return [_named(result, call.given(arrays)) for call, arrays in zip(calls, given, strict=True)]

    return backend.to_numpy(backend.compile(run, loops=True)(backend.asarray([call.arrays for call in calls])))


def _named(result: Callable[[Call], Array], call: Call) -> Array:
    try:
        return result(call)
    except Exception as error:
        error.add_note(f"in {call}")
        raise


def _assert_equal(calls: Sequence[Call], found: Sequence[Array], reference: NumPyNamespace) -> None:
    _assert_none(calls, [_problem(call, one, call.on(reference)) for call, one in zip(calls, found, strict=True)])


def _assert_none(calls: Sequence[Call], problems: Sequence[str]) -> None:
    """Fail with a list of all calls that have a problem."""
    wrong = [f"{call}: {problem}" for call, problem in zip(calls, problems, strict=True) if problem]
    assert not wrong, "\n".join(wrong)


def _problem(call: Call, found: Array, expected: Array) -> str:
    """Return an error message about a call's result; empty if it is right."""
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


def _weights(result: Array) -> np.ndarray:
    """Return numbers in the shape of a result, by which it is multiplied so that each element has its own slope."""
    return np.random.default_rng(9).normal(size=np.shape(result))
