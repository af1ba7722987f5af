"""A fixture that takes a few steps on given gradients."""

import numpy as np
import pytest

START = np.array([0.5, -1.25, 2.0])
GRADIENTS = np.array([[0.1, -0.2, 0.3], [-0.4, 0.05, 0.0], [1.5, -2.5, 1e-3], [0.02, 0.3, -0.7]])


@pytest.fixture
def descend(xp):
    """Return a function that gives the parameters after the steps, in float64 on NumPy."""

    def after(optimizer, start=START, gradients=GRADIENTS, **settings):
        params = {"layer": {"w": start[None]}}
        state = optimizer.init(params, xp=xp)
        known = {name: np.array([value]) for name, value in {**optimizer.settings, **settings}.items()}
        coefficients = optimizer.coefficients(np.arange(1.0, len(gradients) + 1)[:, None], known)
        for step, gradient in enumerate(gradients):
            now = {name: values[step] for name, values in coefficients.items()}
            here = {"layer": {"w": gradient[None]}}
            params, state = optimizer.update(here, state, params, coefficients=now, taken=np.array([True]), xp=xp)
        return params["layer"]["w"][0]

    return after
