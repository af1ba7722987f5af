"""Every registered optimizer keeps the contract, with its defaults and with all of its settings in use."""

import gmcore
from gmcore.ports import SupportsEvaluations
from gmcore.testing.optimizer import OptimizerContract

GROUPS = [{"pattern": "*.bias", "rate": 0.1, "weight_decay": 0.0}, {"pattern": "first.*", "frozen": True}]
CASES = {name: {} for name in gmcore.float64.optimizers} | {
    "adafactor, weight_decay": {"weight_decay": 0.1},
    "adam, amsgrad": {"weight_decay": 0.1, "amsgrad": True},
    "adamw, no weight_decay": {"weight_decay": 0.0},
    "lbfgs, short history": {"history": 2, "learning_rate": 0.5, "evaluations": 4},
    "grouped, with groups": {"groups": GROUPS},
    "grouped, not elementwise": {"optimizer": {"use": "lamb"}, "groups": GROUPS[:1]},
    "nadam, decoupled": {"weight_decay": 0.1, "decoupled": True},
    "radam, decoupled": {"weight_decay": 0.1, "decoupled": True, "beta2": 0.5},
    "rmsprop, all options": {"weight_decay": 0.1, "momentum": 0.5, "centered": True},
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
