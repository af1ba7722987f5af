"""Every registered gradient strategy keeps the contract, in several forms."""

import pytest

import gmcore
from gmcore.nn.gradients import Accumulation
from gmcore.testing.gradient_strategy import GradientStrategyContract

REGISTRY = gmcore.float64.gradient_strategies
CASES = {
    "backpropagation": {},
    "accumulation": {"parts": 3},
    "accumulation in accumulation": {"parts": 2, "then": Accumulation(parts=2)},
    "one_step_approximation": {"steps": 2},
    "recomputation": {},
}


NESTED = "accumulation in accumulation"
APPROXIMATE = "one_step_approximation"
# Their gradients are compiled by other cases, too; the recurrent layer of the contract by its own tests.
UNCOMPILED = (NESTED, APPROXIMATE)


class OnTheReference(GradientStrategyContract):
    """The contract on the backend that runs uncompiled, for a strategy of which another case compiles each kind."""

    def backends(self, dtype):
        return (backend for backend in super().backends(dtype) if backend.name == "metal")


def contract(name, suite=GradientStrategyContract):
    make = lambda _: REGISTRY.create(name.split(maxsplit=1)[0].removesuffix(","), **CASES[name])
    return type(f"Test {name}", (suite,), {"strategy": make, "exact": name != APPROXIMATE})


globals().update(
    {
        f"Test {name}": contract(name, OnTheReference if name in UNCOMPILED else GradientStrategyContract)
        for name in CASES
    }
)
globals()[f"Test {NESTED}, compiled"] = pytest.mark.slow(contract(NESTED))


def test_every_registered_strategy_is_checked():
    assert set(REGISTRY) <= set(CASES)
