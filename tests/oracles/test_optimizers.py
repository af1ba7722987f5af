"""Every registered optimizer takes the steps of torch's, with each of its options, for fifty steps.

`lbfgs` is compared without a search for the step length, by its `update`; its `evaluations` are those of the search.

Where they differ: gmcore has no `amsgrad`, no `centered` and no momentum in `rmsprop`; the default learning rate of
`sgd` is 0.01, torch's 0.001, so torch is always given ours.
"""

import numpy as np
import pytest

import gmcore

pytestmark = pytest.mark.oracle

REGISTRY = gmcore.float64.optimizers
STEPS = 50


def adam(make, params, *, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8, **options):
    return make(params, lr=learning_rate, betas=(beta1, beta2), eps=epsilon, **options)


def rmsprop(make, params, *, learning_rate, rho=0.99, epsilon=1e-8, **options):
    return make(params, lr=learning_rate, alpha=rho, eps=epsilon, **options)


def lbfgs(make, params, *, learning_rate, history=10, evaluations=10):
    """Return torch's optimizer with one iteration a step, which never stops early."""
    del evaluations  # none without a search
    return make(params, lr=learning_rate, max_iter=1, history_size=history, tolerance_grad=0.0, tolerance_change=0.0)


# torch's optimizer of each, given torch.optim; options that are left out have torch's defaults.
TORCH = {
    "adam": lambda optim, params, **options: adam(optim.Adam, params, **options),
    "adamw": lambda optim, params, **options: adam(optim.AdamW, params, **options),
    "lbfgs": lambda optim, params, **options: lbfgs(optim.LBFGS, params, **options),
    "rmsprop": lambda optim, params, **options: rmsprop(optim.RMSprop, params, **options),
    "sgd": lambda optim, params, learning_rate, **options: optim.SGD(params, lr=learning_rate, **options),
}
MOMENTS = [
    {"learning_rate": 0.03},
    {"learning_rate": 0.03, "beta1": 0.0},
    {"learning_rate": 0.03, "beta2": 0.0},
    {"learning_rate": 0.03, "beta1": 0.0, "beta2": 0.0},
    {"learning_rate": 0.03, "beta1": 0.99, "beta2": 0.5},
    {"learning_rate": 0.03, "epsilon": 1e-3},
    {"learning_rate": 0.03, "epsilon": 1e-30},
    {"learning_rate": 0.03, "weight_decay": 0.0},
    {"learning_rate": 0.03, "weight_decay": 0.3},
    {"learning_rate": 0.03, "weight_decay": 0.3, "beta1": 0.0, "beta2": 0.9, "epsilon": 1e-2},
]
CASES = [
    *((name, {}) for name in TORCH),
    *(("adam", options) for options in MOMENTS),
    *(("adamw", options) for options in MOMENTS),
    ("lbfgs", {"learning_rate": 0.1}),
    ("lbfgs", {"learning_rate": 0.1, "history": 3, "evaluations": 2}),
    ("rmsprop", {"learning_rate": 0.03}),
    ("rmsprop", {"learning_rate": 0.03, "rho": 0.0}),
    ("rmsprop", {"learning_rate": 0.03, "rho": 0.5, "weight_decay": 0.3}),
    ("rmsprop", {"learning_rate": 0.03, "epsilon": 1e-3}),
    ("sgd", {"learning_rate": 0.03, "weight_decay": 0.3}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.9}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.5, "dampening": 0.3}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.3}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.9, "nesterov": True}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.99, "nesterov": True, "weight_decay": 0.3}),
]
each = pytest.mark.parametrize(("name", "options"), CASES, ids=str)

RNG = np.random.default_rng(0)
START = RNG.normal(size=6)
# One column of ordinary gradients, three of other sizes, one that is 0 at first, one that is 0 from then on.
GRADIENTS = RNG.normal(size=(STEPS, 6)) * [1.0, 1e-4, 1e4, 1e-10, 1.0, 1.0]
GRADIENTS[:20, 4] = GRADIENTS[20:, 5] = 0.0
FACTORS = np.linspace(1.0, 0.1, STEPS)


def steps_of_torch(torch, name, options, learning_rate, factors):
    """Return the parameters after each step, `(steps, parameters)`."""
    params = torch.nn.Parameter(torch.tensor(START))
    optimizer = TORCH[name](torch.optim, [params], **{"learning_rate": learning_rate, **options})
    taken = []
    for gradient, factor in zip(GRADIENTS, factors, strict=True):
        optimizer.param_groups[0]["lr"] = learning_rate * factor
        params.grad = torch.tensor(gradient)
        # L-BFGS evaluates the loss itself, of which it uses only the gradient here.
        optimizer.step(lambda: torch.zeros(()))
        taken.append(params.detach().numpy().copy())
    return np.array(taken)


def steps_of(optimizer, factors, xp):
    """Return the parameters of a single member after each step, `(steps, parameters)`."""
    params = START[None]
    state = optimizer.init(params, xp=xp)
    settings = {name: np.array([value]) for name, value in optimizer.settings.items()}
    settings["learning_rate"] = settings["learning_rate"] * factors[:, None]
    planned = optimizer.coefficients(np.arange(1.0, STEPS + 1)[:, None], settings)
    taken = []
    for step, gradient in enumerate(GRADIENTS):
        now, everyone = {name: values[step] for name, values in planned.items()}, np.array([True])
        params, state = optimizer.update(gradient[None], state, params, coefficients=now, taken=everyone, xp=xp)
        taken.append(params[0])
    return np.array(taken)


def test_every_optimizer_and_option_is_compared(check_complete):
    check_complete("optimizer", dict(REGISTRY.items()), CASES)


@each
@pytest.mark.parametrize("factors", [np.ones(STEPS), FACTORS], ids=["constant", "falling"])
def test_steps_are_torchs(torch, reference, name, options, factors):
    optimizer = REGISTRY.create(name, **options)
    theirs = steps_of_torch(torch, name, options, optimizer.settings["learning_rate"], factors)
    # Each step adds a few roundings, and parameters may pass 0. L-BFGS divides by small products of such differences.
    tolerance = {"rtol": 1e-7, "atol": 1e-9} if name == "lbfgs" else {"rtol": 1e-11, "atol": 1e-13}
    np.testing.assert_allclose(steps_of(optimizer, factors, reference), theirs, **tolerance)
