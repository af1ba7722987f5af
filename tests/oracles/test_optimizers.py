"""Every registered optimizer takes the steps of torch's, with each of its options, for fifty steps.

`lion` and `lamb`, which torch has not, are written here by their papers. `lbfgs` is compared in `test_lbfgs.py`. Where
defaults differ, as in the learning rate of `sgd`, torch is given ours.
"""

import numpy as np
import pytest

import gmcore
from gmcore.domain.tree import tree_map

pytestmark = pytest.mark.oracle

REGISTRY = gmcore.float64.optimizers
STEPS = 50


class Written:
    """A step for torch's parameters, written as a function of a parameter, its gradient, the rate and its state."""

    def __init__(self, params, step, lr):
        self.params, self.one_step, self.param_groups = params, step, [{"lr": lr}]
        self.states = [{} for _ in params]

    def step(self):
        for param, state in zip(self.params, self.states, strict=True):
            param.data = self.one_step(param.data, param.grad, self.param_groups[0]["lr"], state)


def lion(params, *, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
    def step(x, g, rate, state):
        m = state.get("m", 0.0 * g)
        state["m"] = beta2 * m + (1 - beta2) * g
        return x - rate * ((beta1 * m + (1 - beta1) * g).sign() + weight_decay * x)

    return Written(params, step, lr)


def lamb(params, *, lr, beta1=0.9, beta2=0.999, epsilon=1e-6, weight_decay=0.01):
    def step(x, g, rate, state):
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
        v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g**2
        r = m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + epsilon) + weight_decay * x
        return x - rate * (x.norm() / r.norm() if r.norm() > 0 and x.norm() > 0 else 1.0) * r

    return Written(params, step, lr)


def adafactor(make, params, *, epsilon=2.0**-23, smallest=1e-3, clip=1.0, **options):
    return make(params, eps=(epsilon, smallest), d=clip, **options)


def grouped(torch, params, *, lr, optimizer, groups):
    """Return torch's optimizer with the parameter groups that the patterns of the cases select."""
    inner = {name: value for name, value in optimizer.items() if name not in {"use", "learning_rate"}}
    kept, own = dict(params), []
    for group in groups:
        chosen = [kept.pop(group["pattern"].strip("*."))]
        options = {"weight_decay": group["weight_decay"]} if "weight_decay" in group else {}
        if not group.get("frozen"):
            own.append({"params": chosen, "lr": lr * group.get("rate", 1.0), **options})
    rest = [{"params": list(kept.values()), "lr": lr}] if kept else []
    return TORCH[optimizer["use"]](torch.optim, [*rest, *own], lr=lr, **inner)


def moments(make, params, *, beta1=0.9, beta2=0.999, epsilon=1e-8, **options):
    if "decoupled" in options:
        options["decoupled_weight_decay"] = options.pop("decoupled")
    return make(params, betas=(beta1, beta2), eps=epsilon, **options)


def with_epsilon(make, params, names=(), *, epsilon, **options):
    return make(params, eps=epsilon, **{dict(names).get(name, name): value for name, value in options.items()})


ADAGRAD = {"rate_decay": "lr_decay", "initial_sum": "initial_accumulator_value"}
# torch's optimizer of each, given torch.optim; options that are left out have torch's defaults.
TORCH = {
    "adadelta": lambda optim, params, epsilon=1e-6, **o: with_epsilon(optim.Adadelta, params, epsilon=epsilon, **o),
    "adafactor": lambda optim, params, **options: adafactor(optim.Adafactor, params, **options),
    "adagrad": lambda optim, params, epsilon=1e-10, **o: with_epsilon(
        optim.Adagrad, params, ADAGRAD, epsilon=epsilon, **o
    ),
    "adam": lambda optim, params, **options: moments(optim.Adam, params, **options),
    "adamax": lambda optim, params, **options: moments(optim.Adamax, params, **options),
    "adamw": lambda optim, params, **options: moments(optim.AdamW, params, **options),
    "lamb": lambda _, params, **options: lamb(params, **options),
    "lion": lambda _, params, **options: lion(params, **options),
    "nadam": lambda optim, params, **options: moments(optim.NAdam, params, **options),
    "radam": lambda optim, params, **options: moments(optim.RAdam, params, **options),
    "rmsprop": lambda optim, params, epsilon=1e-8, **o: with_epsilon(
        optim.RMSprop, params, {"rho": "alpha"}, epsilon=epsilon, **o
    ),
    "sgd": lambda optim, params, **options: optim.SGD(params, **options),
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
VARIED = [MOMENTS[number] for number in (4, 5, 9)]
FROZEN = {"pattern": "deep.*", "frozen": True}
CASES = [
    *((name, {}) for name in TORCH),
    *(("adam", options) for options in MOMENTS),
    *(("adamw", options) for options in MOMENTS),
    *((name, {"amsgrad": True, "learning_rate": 0.03, "beta2": 0.5}) for name in ("adam", "adamw")),
    *((name, options) for name in ("adamax", "nadam", "radam", "lamb") for options in VARIED),
    ("adamax", {"beta2": 0.0}),
    ("nadam", {"decoupled": True, "weight_decay": 0.3}),
    ("nadam", {"momentum_decay": 0.0, "beta1": 0.8}),
    ("nadam", {"momentum_decay": 3.0, "beta1": 0.0}),
    ("radam", {"decoupled": True, "weight_decay": 0.3, "beta2": 0.9}),
    ("radam", {"beta1": 0.0, "beta2": 0.0}),
    ("lamb", {"weight_decay": 0.0, "learning_rate": 0.1}),
    ("lion", {"learning_rate": 0.03, "weight_decay": 0.3}),
    ("lion", {"beta1": 0.0, "beta2": 0.5}),
    ("lion", {"beta1": 0.3, "beta2": 0.0}),
    ("adagrad", {"learning_rate": 0.1, "rate_decay": 0.05, "weight_decay": 0.3}),
    ("adagrad", {"initial_sum": 0.5, "epsilon": 1e-3}),
    ("adadelta", {"learning_rate": 0.5, "rho": 0.5, "weight_decay": 0.3}),
    ("adadelta", {"rho": 0.0, "epsilon": 1e-3}),
    ("adafactor", {"learning_rate": 0.3, "beta2_decay": -0.5, "weight_decay": 0.3}),
    ("adafactor", {"learning_rate": 0.1, "smallest": 10.0, "clip": 1.2, "epsilon": 1e-2}),
    ("adafactor", {"beta2_decay": -1.0, "epsilon": 1e-30, "smallest": 0.0}),
    ("rmsprop", {"learning_rate": 0.03}),
    ("rmsprop", {"learning_rate": 0.03, "rho": 0.0}),
    ("rmsprop", {"learning_rate": 0.03, "rho": 0.5, "weight_decay": 0.3}),
    ("rmsprop", {"learning_rate": 0.03, "epsilon": 1e-3}),
    ("rmsprop", {"learning_rate": 0.03, "momentum": 0.9, "weight_decay": 0.3}),
    ("rmsprop", {"learning_rate": 0.03, "centered": True}),
    ("rmsprop", {"learning_rate": 0.03, "centered": True, "momentum": 0.5, "rho": 0.5, "epsilon": 1e-3}),
    ("sgd", {"learning_rate": 0.03, "weight_decay": 0.3}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.9}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.5, "dampening": 0.3}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.3}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.9, "nesterov": True}),
    ("sgd", {"learning_rate": 0.03, "momentum": 0.99, "nesterov": True, "weight_decay": 0.3}),
    *(
        ("grouped", {"optimizer": {"use": use, "learning_rate": 0.03}, "groups": [first, FROZEN]})
        for use in ("sgd", "adamw", "adafactor", "radam")
        for first in ({"pattern": "bias", "weight_decay": 0.3}, {"pattern": "bias", "rate": 0.1, "weight_decay": 0.0})
    ),
    ("grouped", {"optimizer": {"use": "adam"}, "groups": [{"pattern": name} for name in ("bias", "deep.*", "weight")]}),
]
each = pytest.mark.parametrize(("name", "options"), CASES, ids=str)

RNG = np.random.default_rng(0)
START = {"bias": RNG.normal(size=6), "weight": RNG.normal(size=(4, 3)), "deep": {"cube": RNG.normal(size=(2, 3, 2))}}
GRADIENTS = [tree_map(lambda leaf: RNG.normal(size=leaf.shape), START) for _ in range(STEPS)]
for number, gradient in enumerate(GRADIENTS):
    # A vector of ordinary gradients, three of other sizes, one that is 0 at first, one that is 0 from then on.
    gradient["bias"] *= [1.0, 1e-4, 1e4, 1e-10, float(number >= 20), float(number < 20)]
    gradient["weight"][:, 1] *= 1e-3
FACTORS = np.linspace(1.0, 0.1, STEPS)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in (tree["bias"], tree["weight"], tree["deep"]["cube"])])


@pytest.fixture(autouse=True)
def of_double_precision(torch):
    """Let torch keep NAdam's product of momenta in float64, too, which it keeps in the default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def steps_of_torch(torch, name, options, learning_rate, factors):
    """Return the parameters after each step, `(steps, parameters)`."""
    params = tree_map(lambda leaf: torch.nn.Parameter(torch.tensor(leaf)), START)
    named = {"bias": params["bias"], "weight": params["weight"], "deep": params["deep"]["cube"]}
    options = {key: value for key, value in options.items() if key != "learning_rate"}
    if name == "grouped":
        optimizer = grouped(torch, named, lr=learning_rate, **options)
    else:
        optimizer = TORCH[name](torch.optim, list(named.values()), lr=learning_rate, **options)
    rates, taken = [group["lr"] for group in optimizer.param_groups], []
    for gradient, factor in zip(GRADIENTS, factors, strict=True):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        for key, param in named.items():
            param.grad = torch.tensor(gradient["deep"]["cube"] if key == "deep" else gradient[key])
        optimizer.step()
        taken.append(flat(tree_map(lambda leaf: leaf.detach().numpy(), params)))
    return np.array(taken)


def steps_of(optimizer, factors, xp):
    """Return the parameters of a single member after each step, `(steps, parameters)`."""
    alone = lambda tree: tree_map(lambda leaf: leaf[None], tree)
    params = alone(START)
    state = optimizer.init(params, xp=xp)
    settings = {name: np.array([value]) for name, value in optimizer.settings.items()}
    settings["learning_rate"] = settings["learning_rate"] * factors[:, None]
    planned = optimizer.coefficients(np.arange(1.0, STEPS + 1)[:, None], settings)
    taken = []
    for step, gradient in enumerate(GRADIENTS):
        now, everyone = {name: values[step] for name, values in planned.items()}, np.array([True])
        params, state = optimizer.update(alone(gradient), state, params, coefficients=now, taken=everyone, xp=xp)
        taken.append(flat(params))
    return np.array(taken)


def test_every_optimizer_and_option_is_compared(check_complete):
    check_complete("optimizer", {name: kind for name, kind in REGISTRY.items() if name != "lbfgs"}, CASES)


@each
@pytest.mark.parametrize("factors", [np.ones(STEPS), FACTORS], ids=["constant", "falling"])
def test_steps_are_torchs(torch, reference, name, options, factors):
    optimizer = REGISTRY.create(name, **options)
    theirs = steps_of_torch(torch, name, options, optimizer.settings["learning_rate"], factors)
    # Each step adds a few roundings, and parameters may pass 0.
    np.testing.assert_allclose(steps_of(optimizer, factors, reference), theirs, rtol=1e-11, atol=1e-13)
