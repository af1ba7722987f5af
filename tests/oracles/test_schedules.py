"""Every registered schedule gives the learning rates of torch's schedulers.

Where the definitions differ:

- A schedule of gmcore spans the whole of training, so torch's `T_max` is the number of steps.
- After the last step torch's cosine rises again; here it stays at its end. Only steps of training are compared.
- `plateau` reacts to losses: the factors after random series of them are compared, in a test of its own.
- `warm_up` starts at `1 / (steps + 1)`, so that no step has a learning rate of 0: torch's `start_factor`.
"""

import numpy as np
import pytest

import gmcore
from gmcore.nn.schedules import Cosine, Plateau

pytestmark = pytest.mark.oracle

REGISTRY = gmcore.float64.schedules
RATE, TOTAL = 0.3, 40


def constant(schedulers, optimizer, total):
    return schedulers.ConstantLR(optimizer, factor=1.0, total_iters=total)


def cosine(schedulers, optimizer, total, final_fraction=0.0):
    return schedulers.CosineAnnealingLR(optimizer, T_max=total, eta_min=RATE * final_fraction)


def warm_up(schedulers, optimizer, total, *, steps=0, fraction=0.0, then=None):
    steps = steps or round(fraction * total)
    after = TORCH["constant"] if then is None else then_of(then)
    if not steps:
        return after(schedulers, optimizer, total)
    rise = schedulers.LinearLR(optimizer, start_factor=1 / (steps + 1), total_iters=steps)
    rest = after(schedulers, optimizer, total - steps)
    return schedulers.SequentialLR(optimizer, [rise, rest], milestones=[steps])


def then_of(schedule):
    return lambda schedulers, optimizer, total: cosine(schedulers, optimizer, total, schedule.final_fraction)


def plateau(schedulers, optimizer, total, **_):
    """Return what torch's scheduler gives before the first loss."""
    return constant(schedulers, optimizer, total)


# torch's scheduler of each, given torch.optim.lr_scheduler, an optimizer and the number of steps.
TORCH = {"constant": constant, "cosine": cosine, "plateau": plateau, "warm_up": warm_up}
PLATEAUS = [
    {"patience": 1},
    {"patience": 0, "reduction": 0.5, "threshold": 0.05},
    {"patience": 0, "threshold": 0.1, "threshold_mode": "absolute"},
    {"patience": 2, "cooldown": 3, "threshold": 0.0},
    {"patience": 0, "reduction": 0.3, "floor": 0.02, "cooldown": 1},
]
CASES = [
    *((name, {}) for name in TORCH),
    *(("plateau", options) for options in PLATEAUS),
    ("cosine", {"final_fraction": 0.1}),
    ("cosine", {"final_fraction": 1.0}),
    ("warm_up", {"steps": 1}),
    ("warm_up", {"steps": 7}),
    ("warm_up", {"fraction": 0.3}),
    ("warm_up", {"steps": 7, "then": Cosine()}),
    ("warm_up", {"fraction": 0.2, "then": Cosine(final_fraction=0.1)}),
]


def rates_of_torch(torch, name, options):
    """Return the learning rate of each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    scheduler = TORCH[name](torch.optim.lr_scheduler, optimizer, TOTAL, **options)
    rates = []
    for _ in range(TOTAL):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(rates)


def test_every_schedule_and_option_is_compared(check_complete):
    check_complete("schedule", dict(REGISTRY.items()), CASES)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_learning_rates_are_torchs(torch, name, options):
    found = RATE * REGISTRY.create(name, **options).factor(np.arange(TOTAL), np.array(TOTAL))
    # torch computes a rate from the one before, and so adds up their roundings.
    np.testing.assert_allclose(found, rates_of_torch(torch, name, options), rtol=1e-12, atol=1e-15)


def factors_of_torch(torch, losses, *, reduction=0.1, floor=0.0, threshold_mode="relative", **options):
    """Return the factor after each loss; `eps` is 0, since ours has no smallest reduction."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    named = {"factor": reduction, "min_lr": floor, "threshold_mode": threshold_mode[:3], "eps": 0.0}
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **named, **options)
    factors = []
    for loss in losses:
        scheduler.step(loss)
        factors.append(optimizer.param_groups[0]["lr"])
    return np.array(factors)


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
def test_reductions_of_the_learning_rate_are_torchs(torch, reference, options):
    rng = np.random.default_rng(0)
    # Noise around falling losses, some of which are NaN; a member for each series.
    losses = np.exp(-np.arange(60)[:, None] / [5.0, 20.0, 100.0, 1e9]) + rng.normal(size=(60, 4)) / 50
    losses[rng.uniform(size=losses.shape) < 0.05] = np.nan
    schedule = Plateau(**options)
    state, found = schedule.initial(4), []
    for loss in losses:
        state = schedule.after_epoch(state, loss, xp=reference)
        found.append(state["scale"])
    expected = np.stack([factors_of_torch(torch, series, **options) for series in losses.T], axis=1)
    assert len(np.unique(expected)) > 2
    np.testing.assert_allclose(found, expected, rtol=1e-12)
