"""A step from gradients that were computed elsewhere is the one that training takes."""

import numpy as np
import pytest

import gmcore
from gmcore.errors import ConfigError
from gmcore.nn.optimizers import LBFGS, SGD, compiled_step


@pytest.fixture(params=list(gmcore.float64.backends))
def backend(request):
    return gmcore.float64.backends.create(request.param, device="cpu")


def test_a_step_moves_parameters_and_returns_the_state_for_the_next(backend):
    params, gradients = backend.asarray(({"w": np.ones(2)}, {"w": np.array([1.0, 2.0])}))
    step = compiled_step(SGD(learning_rate=0.1, momentum=0.5), backend)
    params, state = step(params, gradients, None, 1)
    np.testing.assert_allclose(backend.to_numpy(params)["w"], [0.9, 0.8])
    params, _ = step(params, gradients, state, 2)
    np.testing.assert_allclose(backend.to_numpy(params)["w"], [0.75, 0.5])


def test_an_optimizer_that_evaluates_the_loss_is_refused(backend):
    with pytest.raises(ConfigError, match="LBFGS evaluates the loss at several parameters"):
        compiled_step(LBFGS(), backend)
