"""`plateau` reacts to series of losses as torch's `ReduceLROnPlateau` does."""

import numpy as np
import pytest

from gmcore.nn.schedules import Plateau

pytestmark = pytest.mark.oracle

PLATEAUS = [
    {"patience": 1},
    {"patience": 0, "reduction": 0.5, "threshold": 0.05},
    {"patience": 0, "threshold": 0.1, "threshold_mode": "absolute"},
    {"patience": 2, "cooldown": 3, "threshold": 0.0},
    {"patience": 0, "reduction": 0.3, "floor": 0.02, "cooldown": 1},
]


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
