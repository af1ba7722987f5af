"""A truncated GRU has the gradient of torch with a detached state, and given gradients make the step of torch."""

import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.nn.layers import GRU
from gmcore.nn.optimizers import AdamW, compiled_step
from gmcore.ports import Pass

pytestmark = pytest.mark.oracle

ROWS, TIME, CHANNELS, UNITS = 3, 5, 2, 4
LAYER = GRU(UNITS, return_sequences=True)
PARAMS = LAYER.init(np.random.default_rng(0), (TIME, CHANNELS)).params
INPUTS = np.random.default_rng(1).normal(size=(ROWS, TIME, CHANNELS))
SCALES = np.random.default_rng(2).normal(size=(ROWS, TIME, UNITS))


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_a_truncated_gru_is_torchs_with_a_detached_state(torch, double, steps):
    theirs = torch.nn.GRUCell(CHANNELS, UNITS, dtype=torch.float64)
    names = {
        "input_weight": "weight_ih",
        "hidden_weight": "weight_hh",
        "input_bias": "bias_ih",
        "hidden_bias": "bias_hh",
    }
    with torch.no_grad():
        for name, other in names.items():
            getattr(theirs, other).copy_(torch.tensor(PARAMS[name].T))
    state, total = torch.zeros(ROWS, UNITS, dtype=torch.float64), 0.0
    for step in range(TIME):
        state = theirs(torch.tensor(INPUTS[:, step]), state.detach() if (TIME - step) % steps == 0 else state)
        total = total + (state * torch.tensor(SCALES[:, step])).sum()
    total.backward()

    def loss(params, inputs, scales):
        outputs = LAYER.apply(Variables(params), inputs, Pass(xp=double.xp, training=True, truncation=steps))
        return double.xp.sum(outputs * scales), None

    _, slopes = double.to_numpy(double.value_and_grad(loss)(*double.asarray((PARAMS, INPUTS, SCALES))))
    for name, other in names.items():
        np.testing.assert_allclose(slopes[name], getattr(theirs, other).grad.numpy().T, rtol=1e-12, atol=1e-14)


def test_a_step_from_given_gradients_is_torchs(torch, double):
    weights, slopes = np.random.default_rng(3).normal(size=(2, 3, 2))
    parameter = torch.nn.Parameter(torch.tensor(weights))
    theirs, step = torch.optim.AdamW([parameter], lr=0.01), compiled_step(AdamW(learning_rate=0.01), double)
    params, gradients, state = *double.asarray(({"weight": weights}, {"weight": slopes})), None
    for number in range(1, 6):
        parameter.grad = torch.tensor(slopes)
        theirs.step()
        params, state = step(params, gradients, state, number)
    np.testing.assert_allclose(double.to_numpy(params)["weight"], parameter.detach().numpy(), rtol=1e-12)
