"""Every registered gradient strategy keeps the contract, in several forms."""

import gmcore
from gmcore.nn.gradients import Accumulation
from gmcore.testing.gradient_strategy import GradientStrategyContract

REGISTRY = gmcore.float64.gradient_strategies
CASES = {
    "backpropagation": {},
    "accumulation": {"parts": 3},
    "accumulation in accumulation": {"parts": 2, "then": Accumulation(parts=2)},
}


def contract(name, options):
    make = lambda _: REGISTRY.create(name.split(maxsplit=1)[0].removesuffix(","), **options)
    return type(f"Test {name}", (GradientStrategyContract,), {"strategy": make})


globals().update({f"Test {name}": contract(name, options) for name, options in CASES.items()})


def test_every_registered_strategy_is_checked():
    assert set(REGISTRY) <= set(CASES)
