"""Every registered optimizer keeps the contract, with its defaults and with all of its settings in use."""

import gmcore
from gmcore.ports import SupportsEvaluations
from gmcore.testing.optimizer import OptimizerContract

CASES = {name: {} for name in gmcore.float64.optimizers} | {
    "adam, weight_decay": {"weight_decay": 0.1},
    "adamw, no weight_decay": {"weight_decay": 0.0},
    "lbfgs, short history": {"history": 2, "learning_rate": 0.5, "evaluations": 20},
    "rmsprop, weight_decay": {"weight_decay": 0.1},
    "sgd, momentum": {"momentum": 0.8, "dampening": 0.25, "weight_decay": 0.1},
    "sgd, nesterov": {"momentum": 0.8, "nesterov": True},
}


def contract(name, options):
    make = lambda _: gmcore.float64.optimizers.create(name.partition(",")[0], **options)
    abilities = (SupportsEvaluations,) if isinstance(make(None), SupportsEvaluations) else ()
    return type(f"Test {name}", (OptimizerContract,), {"optimizer": make, "abilities": abilities})


globals().update({f"Test {name}": contract(name, options) for name, options in CASES.items()})


def test_torchs_four_are_registered():
    assert {"adam", "adamw", "rmsprop", "sgd"} <= set(gmcore.float64.optimizers)
