"""Gradients by central differences in float64, to compare a backend's gradients with."""

from collections.abc import Callable

import numpy as np

__all__ = ["central_differences", "gradient_error"]

# The relative error of central differences in float64 is about the square of this step.
_STEP = 1e-5
_LIMIT = {"float32": 2e-4, "float64": 1e-7}


def central_differences(total: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """Return the gradient of a scalar function at `x`, in the shape of `x`."""
    x = np.asarray(x, np.float64)
    steps = np.eye(x.size).reshape(x.size, *x.shape) * _STEP
    return np.array([(total(x + step) - total(x - step)) / (2 * _STEP) for step in steps]).reshape(x.shape)


def gradient_error(found: np.ndarray, expected: np.ndarray) -> str:
    """Return an error message about a gradient, empty if its error relative to the largest slope, or 1, is small."""
    if found.shape != expected.shape:
        return f"expected a gradient of shape {expected.shape}, got {found.shape}"
    error = np.max(np.abs(found - expected), initial=0.0) / max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    return "" if error <= _LIMIT[found.dtype.name] else f"gradient is off by {error:.1e}"
