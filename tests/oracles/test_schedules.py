"""Every registered schedule gives the learning rates of torch's schedulers, at every step of 5 epochs of 8 steps.

A schedule that changes once an epoch is compared with torch's scheduler stepped once an epoch. Where the definitions
differ:

- A schedule of gmcore spans the whole of training unless it has a length, which is torch's `T_max` or `total_iters`.
- After `T_max` torch's cosine rises again; here it stays at its end, as with a constant scheduler after it.
- `plateau` reacts to losses, which `test_plateau.py` compares; without them it is constant.
- `warm_up` starts at `1 / (steps + 1)`, so that no step has a learning rate of 0: torch's `start_factor`.
- `one_cycle` and `cyclic` have factors of the largest learning rate in place of the rates themselves.
- torch has no `inverse_sqrt`, `coslog` and `flat_cos`: its `LambdaLR` with the formulas of their papers.
"""

import math

import numpy as np
import pytest

import gmcore
from gmcore.nn.schedules import Constant, Cosine, Exponential, Linear, Step

pytestmark = pytest.mark.oracle

REGISTRY = gmcore.float64.schedules
RATE, TOTAL, PER_EPOCH = 0.3, 40, 8


def length_of(one, total):
    """Return a schedule's length in the unit in which torch's is stepped: an epoch or a step."""
    if one.steps is not None:
        return one.steps
    if one.epochs is not None:
        return one.epochs if once_an_epoch(one) else one.epochs * PER_EPOCH
    return total if one.fraction is None else round(one.fraction * total)


def once_an_epoch(one):
    """Return whether the learning rate changes once an epoch."""
    return getattr(one, "per", "step") == "epoch" or (type(one).__name__ in ("Step", "MultiStep") and bool(one.epochs))


def then_constant(schedulers, optimizer, first, length, factor):
    after = schedulers.ConstantLR(optimizer, factor=factor, total_iters=10**9)
    return schedulers.SequentialLR(optimizer, [first, after], milestones=[length])


def constant(schedulers, optimizer, _, __):
    return schedulers.ConstantLR(optimizer, factor=1.0, total_iters=TOTAL)


def cosine(schedulers, optimizer, one, total):
    length = length_of(one, total)
    first = schedulers.CosineAnnealingLR(optimizer, T_max=length, eta_min=RATE * one.final_fraction)
    return first if length == total else then_constant(schedulers, optimizer, first, length, one.final_fraction)


def cosine_restarts(schedulers, optimizer, one, total):
    return schedulers.CosineAnnealingWarmRestarts(
        optimizer, T_0=int(length_of(one, total)), T_mult=one.growth, eta_min=RATE * one.final_fraction
    )


def linear(schedulers, optimizer, one, total):
    start, end, length = one.initial_fraction, one.final_fraction, length_of(one, total)
    return schedulers.LinearLR(optimizer, start_factor=start, end_factor=end, total_iters=length)


def polynomial(schedulers, optimizer, one, total):
    """Return torch's scheduler, which falls to 0, or else the formula."""
    length, final = length_of(one, total), one.final_fraction
    if not final:
        return schedulers.PolynomialLR(optimizer, total_iters=length, power=one.power)
    return schedulers.LambdaLR(
        optimizer, lambda step: final + (1 - final) * (1 - min(step, length) / length) ** one.power
    )


def step(schedulers, optimizer, one, total):
    return schedulers.StepLR(optimizer, step_size=length_of(one, total), gamma=one.reduction)


def multi_step(schedulers, optimizer, one, total):
    milestones = one.steps or one.epochs or [round(fraction * total) for fraction in one.fractions]
    return schedulers.MultiStepLR(optimizer, milestones=milestones, gamma=one.reduction)


def exponential(schedulers, optimizer, one, total):
    return schedulers.ExponentialLR(optimizer, gamma=one.reduction ** (1 / length_of(one, total)))


def one_cycle(schedulers, optimizer, one, total):
    return schedulers.OneCycleLR(
        optimizer,
        max_lr=RATE,
        total_steps=total,
        pct_start=one.rise,
        anneal_strategy={"cosine": "cos"}.get(one.anneal, one.anneal),
        cycle_momentum=False,
        div_factor=1 / one.initial_fraction,
        final_div_factor=one.initial_fraction / one.final_fraction,
        three_phase=one.three_phases,
    )


def cyclic(schedulers, optimizer, one, total):
    up = one.rise * length_of(one, total)
    return schedulers.CyclicLR(
        optimizer,
        base_lr=RATE * one.lowest_fraction,
        max_lr=RATE,
        step_size_up=up,
        step_size_down=length_of(one, total) - up,
        mode=one.mode,
        gamma=one.reduction,
        cycle_momentum=False,
    )


def warm_up(schedulers, optimizer, one, total):
    rising = length_of(one, total) if one.given else 0
    if not rising:
        return built(schedulers, optimizer, one.then, total)
    rise = schedulers.LinearLR(optimizer, start_factor=1 / (rising + 1), total_iters=rising)
    rest = built(schedulers, optimizer, one.then, total - rising)
    return schedulers.SequentialLR(optimizer, [rise, rest], milestones=[int(rising)])


def chained(schedulers, optimizer, one, total):
    units = {"steps": 1, "epochs": PER_EPOCH, "fractions": total}
    places = [round(place * units[form]) for form, given in one.given.items() for place in given]
    ends = [*places, total] if places else [total] * len(one.schedules)
    starts = [0, *places] if places else [0] * len(one.schedules)
    inner = [
        built(schedulers, optimizer, part, end - start)
        for part, start, end in zip(one.schedules, starts, ends, strict=True)
    ]
    return schedulers.SequentialLR(optimizer, inner, places) if places else schedulers.ChainedScheduler(inner)


def inverse_sqrt(schedulers, optimizer, one, total):
    length = length_of(one, total)
    return schedulers.LambdaLR(optimizer, lambda step: (1 + step / length) ** -0.5)


def coslog(schedulers, optimizer, one, total):
    waves = 2**one.cycles - 1
    return schedulers.LambdaLR(
        optimizer, lambda step: 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + waves * step / total)))
    )


def flat_cos(schedulers, optimizer, one, total):
    flat = one.flat_fraction
    return schedulers.LambdaLR(
        optimizer,
        lambda step: 1 if step / total < flat else 0.5 * (1 + math.cos(math.pi * (step / total - flat) / (1 - flat))),
    )


# torch's scheduler of each, given torch.optim.lr_scheduler, an optimizer, ours, and the number of steps or epochs.
TORCH = {
    "chained": chained,
    "constant": constant,
    "cosine": cosine,
    "cosine_restarts": cosine_restarts,
    "coslog": coslog,
    "cyclic": cyclic,
    "exponential": exponential,
    "flat_cos": flat_cos,
    "inverse_sqrt": inverse_sqrt,
    "linear": linear,
    "multi_step": multi_step,
    "one_cycle": one_cycle,
    "plateau": constant,  # before the first loss
    "polynomial": polynomial,
    "step": step,
    "warm_up": warm_up,
}
# How it reacts to losses is compared in `test_plateau.py`.
PLATEAU = {"reduction": 0.3, "patience": 0, "threshold": 0.1, "threshold_mode": "absolute", "cooldown": 1, "floor": 0}
EPOCHS = {"epochs": 2, "per": "epoch"}
PARTS = (Linear(initial_fraction=0.2, final_fraction=1.0), Constant(), Exponential(steps=5))
CASES = [
    ("constant", {}),
    ("plateau", PLATEAU),
    ("cosine", {}),
    ("cosine", {"final_fraction": 0.1}),
    ("cosine", {"final_fraction": 1.0}),
    ("cosine", {"final_fraction": 0.2, "steps": 30}),
    ("cosine", {"epochs": 3}),
    ("cosine", {"fraction": 0.3}),
    ("cosine", {"per": "epoch"}),
    ("cosine", EPOCHS),
    *(("cosine_restarts", {"steps": steps}) for steps in (1, 7, 10)),
    *(("cosine_restarts", {"steps": steps, "growth": growth}) for steps in (1, 2, 3) for growth in (2, 3)),
    ("cosine_restarts", {"epochs": 1, "growth": 2, "final_fraction": 0.1}),
    ("cosine_restarts", {"fraction": 0.2}),
    ("cosine_restarts", EPOCHS),
    ("linear", {}),
    ("linear", {"initial_fraction": 1 / 3, "final_fraction": 1.0, "steps": 5}),
    ("linear", {"initial_fraction": 0.5, "final_fraction": 0.1, "epochs": 2}),
    ("linear", {"fraction": 0.5}),
    ("linear", EPOCHS),
    ("polynomial", {}),
    ("polynomial", {"power": 2.0, "steps": 15}),
    ("polynomial", {"power": 0.5, "epochs": 4}),
    ("polynomial", {"power": 3.0, "final_fraction": 0.1, "fraction": 0.9}),
    ("polynomial", {"power": 2.0, **EPOCHS}),
    ("step", {"steps": 7}),
    ("step", {"steps": 1, "reduction": 0.9}),
    ("step", {"epochs": 1, "reduction": 0.5}),
    ("step", {"epochs": 2}),
    ("step", {"fraction": 0.3}),
    ("step", {"reduction": 1.0, **EPOCHS}),
    ("multi_step", {"steps": (3, 4, 30)}),
    ("multi_step", {"epochs": (1, 3), "reduction": 0.5}),
    ("multi_step", {"fractions": (0.5, 0.75)}),
    ("exponential", {"steps": 1}),
    ("exponential", {"steps": 10, "reduction": 0.5}),
    ("exponential", {"epochs": 1}),
    ("exponential", {"epochs": 1, "per": "epoch"}),
    ("exponential", {"fraction": 0.5, "reduction": 0.1}),
    ("one_cycle", {}),
    ("one_cycle", {"anneal": "linear", "rise": 0.25}),
    ("one_cycle", {"three_phases": True}),
    ("one_cycle", {"three_phases": True, "rise": 0.45, "anneal": "linear"}),
    ("one_cycle", {"initial_fraction": 0.5, "final_fraction": 0.01, "rise": 0.9}),
    ("one_cycle", {"rise": 0.5, "per": "epoch"}),
    ("cyclic", {"steps": 10}),
    ("cyclic", {"steps": 8, "rise": 0.25, "mode": "triangular2"}),
    ("cyclic", {"epochs": 1, "mode": "exp_range", "reduction": 0.9}),
    ("cyclic", {"fraction": 0.25, "lowest_fraction": 0.5}),
    ("cyclic", {"mode": "exp_range", "reduction": 0.5, **EPOCHS}),
    ("warm_up", {"steps": 1}),
    ("warm_up", {"steps": 7}),
    ("warm_up", {"fraction": 0.3}),
    ("warm_up", {"epochs": 1}),
    ("warm_up", {"steps": 7, "then": Cosine()}),
    ("warm_up", {"epochs": 2, "then": Exponential(epochs=1)}),
    ("warm_up", {"fraction": 0.2, "then": Cosine(final_fraction=0.1)}),
    ("warm_up", {"then": Cosine(per="epoch"), **EPOCHS}),
    ("chained", {"schedules": (Linear(), Step(steps=7), Exponential(steps=3))}),
    ("chained", {"schedules": PARTS, "steps": (5, 20)}),
    ("chained", {"schedules": PARTS, "epochs": (1, 2.5)}),
    ("chained", {"schedules": (*PARTS[:2], Cosine(final_fraction=0.1)), "fractions": (0.1, 0.5)}),
    ("inverse_sqrt", {"steps": 4}),
    ("inverse_sqrt", {"epochs": 2}),
    ("inverse_sqrt", {"fraction": 0.1}),
    ("inverse_sqrt", EPOCHS),
    ("coslog", {}),
    ("coslog", {"cycles": 2}),
    ("coslog", {"per": "epoch"}),
    ("flat_cos", {}),
    ("flat_cos", {"flat_fraction": 0.72}),
    ("flat_cos", {"per": "epoch"}),
]


def built(schedulers, optimizer, one, total):
    """Return torch's scheduler of one of ours, for so many steps, or epochs if it is stepped once an epoch."""
    (name,) = (name for name, cls in REGISTRY.items() if cls is type(one))
    return TORCH[name](schedulers, optimizer, one, total)


def rates_of_torch(torch, one):
    """Return the learning rate of each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    unit = PER_EPOCH if once_an_epoch(one) else 1
    scheduler = built(torch.optim.lr_scheduler, optimizer, one, TOTAL // unit)
    rates = []
    for place in range(TOTAL // unit):
        rates += [optimizer.param_groups[0]["lr"]] * unit
        if place < TOTAL // unit - 1:
            optimizer.step()
            scheduler.step()
    return np.array(rates)


def factors(schedule):
    return schedule.factor(np.arange(TOTAL), np.array(TOTAL), np.array(PER_EPOCH))


def test_every_schedule_and_option_is_compared(check_complete):
    check_complete("schedule", dict(REGISTRY.items()), CASES)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_learning_rates_are_torchs(torch, name, options):
    schedule = REGISTRY.create(name, **options)
    expected = rates_of_torch(torch, schedule)
    # torch computes a rate from the one before, and so adds up their roundings.
    np.testing.assert_allclose(RATE * factors(schedule), expected, rtol=1e-12, atol=1e-15)
