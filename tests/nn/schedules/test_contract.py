"""Every registered schedule keeps the contract, by its defaults and in other forms."""

import gmcore
from gmcore.nn.schedules import Cosine, Plateau, WarmUp
from gmcore.ports import SupportsFeedback
from gmcore.testing.schedule import ScheduleContract
from gmcore.training.fleet.early_stopping import feedback_of

REGISTRY = gmcore.float64.schedules
FORMS = [
    Cosine(final_fraction=0.1),
    WarmUp(steps=5),
    WarmUp(fraction=0.3),
    WarmUp(Cosine(), steps=50),
    WarmUp(WarmUp(Cosine(), steps=3), fraction=0.1),
    Plateau(patience=0, reduction=0.5, cooldown=2, floor=0.1),
    WarmUp(Plateau(patience=1, threshold_mode="absolute"), steps=5),
]
MAKERS = {name: lambda _, name=name: REGISTRY.create(name) for name in REGISTRY}
MAKERS |= {repr(form): lambda _, form=form: form for form in FORMS}


def contract(name, make):
    abilities = (SupportsFeedback,) if feedback_of(make(None)) else ()
    return type(f"Test {name}", (ScheduleContract,), {"schedule": make, "abilities": abilities})


globals().update({f"Test {name}": contract(name, make) for name, make in MAKERS.items()})
