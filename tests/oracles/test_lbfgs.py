"""`lbfgs` takes the steps of torch's L-BFGS with its strong-Wolfe line search, given the same losses and gradients.

A fleet whose members try other lengths first is compared with an optimizer of torch's for each of them.
"""

import numpy as np
import pytest

from gmcore.nn.optimizers import LBFGS
from gmcore.ports import Evaluation

pytestmark = pytest.mark.oracle

ITERATIONS = 20
RNG = np.random.default_rng(0)
CURVATURES = np.geomspace(1.0, 1e2, 12)
INPUTS = RNG.normal(size=(80, 5)) * [1.0, 3.0, 0.2, 1.0, 10.0]
CLASSES = (INPUTS @ [1.0, -0.5, 2.0, 0.0, 0.1] + RNG.normal(size=80) > 0).astype(float)


def quadratic(x):
    return 0.5 * np.sum(CURVATURES * (x - 1.0) ** 2), CURVATURES * (x - 1.0)


def rosenbrock(x):
    step, left = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    slope = np.zeros_like(x)
    slope[:-1] = -400.0 * step * x[:-1] - 2.0 * left
    slope[1:] += 200.0 * step
    return np.sum(100.0 * step**2 + left**2), slope


def logistic(x):
    """Return the mean negative log-likelihood of a logistic regression with an L2 penalty, and its gradient."""
    scores = INPUTS @ x
    loss = np.mean(np.logaddexp(0.0, scores) - CLASSES * scores) + 0.005 * x @ x
    return loss, INPUTS.T @ (0.5 + 0.5 * np.tanh(scores / 2) - CLASSES) / len(INPUTS) + 0.01 * x


FUNCTIONS = {
    "quadratic": (quadratic, np.linspace(-2.0, 2.0, 12)),
    "rosenbrock": (rosenbrock, np.array([-1.2, 1.0])),
    "rosenbrock in 6 dimensions": (rosenbrock, np.array([-1.2, 1.0, 0.3, -0.5, 1.4, 0.0])),
    "logistic": (logistic, np.zeros(5)),
}
RATES = np.array([1.0, 4.0, 0.02, 0.5])
CASES = [
    {"evaluations": 12, "learning_rate": RATES},
    {"evaluations": 12, "learning_rate": RATES, "history": 2},
    {"evaluations": 1, "learning_rate": RATES},
    {"evaluations": 2, "learning_rate": RATES},
    {"evaluations": 4, "learning_rate": RATES},
    {"gradient_tolerance": 5.0, "learning_rate": RATES},
    {"change_tolerance": 2.0, "learning_rate": RATES},
]
each = pytest.mark.parametrize(
    "options", CASES, ids=lambda case: str({n: v for n, v in case.items() if v is not RATES})
)


def fit_in_torch(torch, function, start, *, iterations, calls, learning_rate=1.0, history=10, evaluations=10, **limits):
    """Return the parameters after each call, `(calls, parameters)`, and the losses of all evaluations."""
    params, losses = torch.nn.Parameter(torch.tensor(start)), []
    optimizer = torch.optim.LBFGS(
        [params],
        lr=learning_rate,
        max_iter=iterations,
        max_eval=iterations * evaluations + 1 if iterations > 1 else evaluations,
        history_size=history,
        line_search_fn="strong_wolfe",
        tolerance_grad=limits.get("gradient_tolerance", 1e-7),
        tolerance_change=limits.get("change_tolerance", 1e-9),
    )

    def closure():
        loss, slope = function(params.detach().numpy())
        params.grad = torch.tensor(slope)
        losses.append(loss)
        return torch.tensor(loss)

    taken = []
    for _ in range(calls):
        optimizer.step(closure)
        taken.append(params.detach().numpy().copy())
    return np.array(taken), losses


def evaluations(function):
    """Return the evaluation of every member, for parameters of two arrays, which are halves of the function's."""

    def evaluate(params):
        whole = np.concatenate([params["a"], params["b"]], axis=1)
        losses, slopes = zip(*(function(row) for row in whole), strict=True)
        half = params["a"].shape[1]
        slopes = np.array(slopes)
        return Evaluation(np.array(losses), {"a": slopes[:, :half], "b": slopes[:, half:]})

    return evaluate


def fit(function, start, reference, *, learning_rate, **options):
    """Return each member's parameters after each step, `(steps, members, parameters)`."""
    optimizer, half, evaluate = LBFGS(**options), len(start) // 2, evaluations(function)
    starts = np.tile(start, (len(learning_rate), 1))
    params = {"a": starts[:, :half], "b": starts[:, half:]}
    state, taken = optimizer.init(params, xp=reference), []
    now = {"coefficients": {"learning_rate": learning_rate}, "taken": np.ones(len(starts), bool), "xp": reference}
    for _ in range(ITERATIONS):
        params, state = optimizer.minimize(evaluate, evaluate(params), state, params, **now)
        taken.append(np.concatenate([params["a"], params["b"]], axis=1))
    return np.array(taken)


# Rounding is amplified near the minimum, where the pairs are small differences.
TOLERANCE = {"rtol": 1e-9, "atol": 1e-9}


def test_every_option_is_compared(check_complete):
    check_complete("optimizer", {"lbfgs": LBFGS}, [("lbfgs", options) for options in CASES])


@each
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_step_of_a_fleet_is_one_iteration_of_torchs(torch, reference, name, options):
    function, start = FUNCTIONS[name]
    found = fit(function, start, reference, **options)
    for place, rate in enumerate(options["learning_rate"]):
        mine = {**options, "learning_rate": rate}
        theirs, _ = fit_in_torch(torch, function, start, iterations=1, calls=ITERATIONS, **mine)
        np.testing.assert_allclose(found[:, place], theirs, **TOLERANCE, err_msg=f"first length {rate}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_twenty_steps_are_one_step_of_torchs_of_twenty_iterations(torch, reference, name):
    function, start = FUNCTIONS[name]
    theirs, losses = fit_in_torch(torch, function, start, iterations=ITERATIONS, calls=1, evaluations=25)
    found = fit(function, start, reference, learning_rate=np.ones(1), evaluations=25)[-1, 0]
    np.testing.assert_allclose(found, theirs[0], **TOLERANCE)
    assert function(found)[0] < losses[0]


@pytest.mark.parametrize("history", [3, 10])
def test_without_a_search_steps_are_torchs(torch, reference, history):
    gradients, start = RNG.normal(size=(ITERATIONS, 6)), RNG.normal(size=6)
    params, factors = torch.nn.Parameter(torch.tensor(start)), np.linspace(0.2, 0.1, ITERATIONS)
    theirs = torch.optim.LBFGS([params], max_iter=1, history_size=history)
    ours, optimizer = start[None], LBFGS(history=history)
    state = optimizer.init(ours, xp=reference)
    for gradient, rate in zip(gradients, factors, strict=True):
        params.grad, theirs.param_groups[0]["lr"] = torch.tensor(gradient), rate
        theirs.step(lambda: torch.zeros(()))
        now = {"coefficients": {"learning_rate": np.array([rate])}, "taken": np.array([True]), "xp": reference}
        ours, state = optimizer.update(gradient[None], state, ours, **now)
        # Random gradients have pairs with small products, by which the steps are divided.
        np.testing.assert_allclose(ours[0], params.detach().numpy(), rtol=1e-8, atol=1e-10)
