"""Every registered activation gives the values and gradients of torch, also for extreme inputs."""

import numpy as np
import pytest

import gmcore
from gmcore.nn.layers import Activation

pytestmark = pytest.mark.oracle

REGISTRY = gmcore.float64.layers
ACTIVATIONS = {name: make for name, make in REGISTRY.items() if isinstance(make, type) and issubclass(make, Activation)}

# torch's function of each, given torch.nn.functional; options have the same names.
TORCH = {
    "elu": lambda functional, x, **options: functional.elu(x, **options),
    "gelu": lambda functional, x, **options: functional.gelu(x, **options),
    "leaky_relu": lambda functional, x, **options: functional.leaky_relu(x, **options),
    "mish": lambda functional, x: functional.mish(x),
    "relu": lambda functional, x: functional.relu(x),
    "sigmoid": lambda functional, x: functional.sigmoid(x),
    "silu": lambda functional, x: functional.silu(x),
    "softmax": lambda functional, x: functional.softmax(x, dim=-1),
    "tanh": lambda functional, x: functional.tanh(x),
}
CASES = [
    *((name, {}) for name in TORCH),
    ("elu", {"alpha": 1.5}),
    ("elu", {"alpha": 1e-3}),
    ("gelu", {"approximate": "none"}),
    ("gelu", {"approximate": "tanh"}),
    ("leaky_relu", {"negative_slope": 0.3}),
    ("leaky_relu", {"negative_slope": 0.0}),
]
each = pytest.mark.parametrize(("name", "options"), CASES, ids=str)

INPUTS = np.concatenate(
    [
        np.linspace(-12, 12, 96).reshape(-1, 4),
        [[0.0, -0.0, 1e3, -1e3], [1e3, 1e3, 1e3, 1e3], [-1e3, -1e3, 0.0, 0.0]],
        [[1e-300, -1e-300, 1e-8, -1e-8], [36.0, -36.0, 700.0, -745.0], [1e100, -1e100, 1.0, -1.0]],
        [[np.nan, 1.0, 0.0, -1.0], [np.inf, 1.0, 0.0, -1.0], [-np.inf, 1.0, 0.0, -1.0], [np.inf, -np.inf, np.nan, 1.0]],
    ]
)
WEIGHTS = np.random.default_rng(0).uniform(0.5, 2.0, INPUTS.shape)
# The libraries' exp, erf and tanh differ in the last place, which is 1e-16 where 1 is added to them or subtracted; the
# gradient of GELU multiplies that by up to 100.
CLOSE = {"rtol": 1e-12, "atol": 1e-13, "equal_nan": True}


def of_torch(torch, name, options):
    """Return torch's values, and the gradient of their sum weighted by WEIGHTS."""
    x = torch.tensor(INPUTS, requires_grad=True)
    values = TORCH[name](torch.nn.functional, x, **options)
    (values * torch.tensor(WEIGHTS)).sum().backward()
    return values.detach().numpy(), x.grad.numpy()


def test_every_activation_and_option_is_compared(check_complete):
    check_complete("activation", ACTIVATIONS, CASES)


@each
def test_values_of_the_reference_are_torchs(torch, reference, name, options):
    with np.errstate(invalid="ignore"):  # of -inf * 0, which is NaN in both
        found = REGISTRY.create(name, **options).of(INPUTS, reference)
    np.testing.assert_allclose(found, of_torch(torch, name, options)[0], **CLOSE)


@each
def test_values_and_gradients_are_torchs(torch, double, name, options):
    layer = REGISTRY.create(name, **options)

    def total(x, weights):
        outputs = layer.of(x, double.xp)
        return double.xp.sum(weights * outputs), outputs

    (_, outputs), gradients = double.to_numpy(double.value_and_grad(total)(*double.asarray((INPUTS, WEIGHTS))))
    values, slopes = of_torch(torch, name, options)
    np.testing.assert_allclose(outputs, values, **CLOSE)
    # The gradient at NaN has no meaning where the value is NaN: that of ReLU is 0 here, and 1 in torch.
    known = ~np.isnan(values)
    np.testing.assert_allclose(gradients[known], slopes[known], **CLOSE)
