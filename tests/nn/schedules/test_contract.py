"""Every registered schedule keeps the contract, by its defaults and in other forms."""

import gmcore
from gmcore.nn.schedules import (
    Chained,
    Constant,
    Cosine,
    CosineRestarts,
    CosLog,
    Cyclic,
    Exponential,
    FlatCos,
    InverseSqrt,
    Linear,
    MultiStep,
    OneCycle,
    Plateau,
    Polynomial,
    Step,
    WarmUp,
)
from gmcore.ports import SupportsDuration, SupportsFeedback
from gmcore.testing.schedule import ScheduleContract
from gmcore.training.fleet.stopping.early_stopping import feedback_of

REGISTRY = gmcore.float64.schedules
# What has no default must be given.
NEEDED = {
    "chained": {"schedules": (Exponential(epochs=1), Linear())},
    "cosine_restarts": {"epochs": 1},
    "cyclic": {"epochs": 2},
    "exponential": {"epochs": 1},
    "inverse_sqrt": {"epochs": 1},
    "multi_step": {"epochs": (1, 2.5)},
    "step": {"epochs": 1},
}
FORMS = [
    Chained(schedules=(WarmUp(steps=2), Cosine(per="epoch"), Constant()), fractions=(0.2, 0.7)),
    Chained(schedules=(Step(steps=3), Plateau(patience=0))),
    Cosine(final_fraction=0.1, epochs=1.5),
    CosineRestarts(steps=3, growth=2, final_fraction=0.1),
    CosLog(cycles=2, per="epoch"),
    Cyclic(steps=5, rise=0.3, mode="triangular2", lowest_fraction=0.0),
    Cyclic(fraction=0.3, mode="exp_range", reduction=0.9, per="epoch"),
    Exponential(fraction=0.1, per="epoch"),
    FlatCos(flat_fraction=0.0),
    InverseSqrt(steps=4),
    Linear(initial_fraction=0.2, final_fraction=0.9, steps=6, per="step"),
    MultiStep(fractions=(0.1, 0.5)),
    MultiStep(steps=(2, 30)),
    OneCycle(anneal="linear", per="epoch"),
    OneCycle(rise=0.4, three_phases=True, initial_fraction=0.0, final_fraction=0.0),
    Plateau(patience=0, reduction=0.5, cooldown=2, floor=0.1),
    Polynomial(power=0.5, final_fraction=0.1, fraction=0.5),
    WarmUp(steps=5),
    WarmUp(fraction=0.3),
    WarmUp(Cosine(), steps=50),
    WarmUp(Step(epochs=1), epochs=2, per="epoch"),
    WarmUp(WarmUp(Cosine(), steps=3), fraction=0.1),
    WarmUp(Plateau(patience=1, threshold_mode="absolute"), steps=5),
]
MAKERS = {name: lambda _, name=name: REGISTRY.create(name, **NEEDED.get(name, {})) for name in REGISTRY}
MAKERS |= {repr(form): lambda _, form=form: form for form in FORMS}


def contract(name, make):
    schedule = make(None)
    abilities = [SupportsFeedback] if feedback_of(schedule) else []
    abilities += [SupportsDuration] if isinstance(schedule, SupportsDuration) else []
    return type(f"Test {name}", (ScheduleContract,), {"schedule": make, "abilities": tuple(abilities)})


globals().update({f"Test {name}": contract(name, make) for name, make in MAKERS.items()})
