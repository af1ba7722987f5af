"""Every registered loss gives the numbers and gradients of torch for each row, also for extreme scores."""

import numpy as np
import pytest

import gmcore

pytestmark = pytest.mark.oracle

REGISTRY = gmcore.float64.losses


def smoothed_binary(functional, outputs, targets, label_smoothing=0.0):
    """Return torch's loss of smoothed labels; its binary cross-entropy has no option for them."""
    labels = (1 - label_smoothing) * targets.double().reshape(outputs.shape) + label_smoothing / 2
    return functional.binary_cross_entropy_with_logits(outputs, labels, reduction="none").mean(-1)


def cross_entropy(functional, outputs, targets, **options):
    """Return torch's loss; one output is the log-odds of the second of two classes."""
    if outputs.shape[-1] == 1:
        return smoothed_binary(functional, outputs, targets, **options)
    return functional.cross_entropy(outputs, targets.long(), reduction="none", **options)


def pearson(functional, outputs, targets, epsilon=1e-8):
    """Return one minus torch's correlation, for each row: the cosine of the columns less their means."""
    x, y = outputs - outputs.mean(0), targets - targets.mean(0)
    deviations = [(z.square().mean(0) + epsilon).sqrt() for z in (x, y)]
    loss = 1 - ((x * y).mean(0) / (deviations[0] * deviations[1])).mean()
    return loss.expand(len(outputs))


# torch's function of each, given torch.nn.functional; those of numbers are averaged over a row's targets.
TORCH = {
    "binary_cross_entropy": smoothed_binary,
    "cross_entropy": cross_entropy,
    "dense_cross_entropy": lambda functional, x, y: functional.cross_entropy(x, y, reduction="none"),
    "huber": lambda functional, x, y, **options: functional.huber_loss(x, y, reduction="none", **options).mean(-1),
    "mae": lambda functional, x, y: functional.l1_loss(x, y, reduction="none").mean(-1),
    "mse": lambda functional, x, y: functional.mse_loss(x, y, reduction="none").mean(-1),
    "pearson": pearson,
}
CASES = [
    *((name, {}) for name in TORCH),
    ("binary_cross_entropy", {"label_smoothing": 0.1}),
    ("binary_cross_entropy", {"label_smoothing": 0.9}),
    ("cross_entropy", {"label_smoothing": 0.1}),
    ("cross_entropy", {"label_smoothing": 0.9}),
    ("huber", {"delta": 0.3}),
    ("huber", {"delta": 1e-3}),
    ("huber", {"delta": 1e3}),
    ("pearson", {"epsilon": 0.3}),
]

RNG = np.random.default_rng(0)
EXTREME = [
    [0, 0, 0],
    [1e3, -1e3, 0],
    [-1e3, 1e3, 1e3],
    [1e6, 1e6, -1e6],
    [1e-300, 0, -1e-8],
    [36, 0, -700],
    [np.nan] * 3,
]
SCORES = np.concatenate([5 * RNG.normal(size=(30, 3)), np.repeat(EXTREME, 3, axis=0)])
CLASSES = np.arange(len(SCORES), dtype=np.int32) % 3
YES = CLASSES % 2
SHARES = np.concatenate([RNG.dirichlet(np.ones(3), 20), np.eye(3)[CLASSES[20:]]])
SIZES = [0.0, 1e-300, 1e-8, 1e-3, 0.3, 0.5, 1.0, 2.0, 1e3, 1e8, np.nan]  # also those at which Huber turns linear
ERRORS = np.array([[sign * size, size / 2] for size in SIZES for sign in (1, -1)])
NUMBERS = [(ERRORS, np.zeros_like(ERRORS)), (RNG.normal(size=(20, 2)), RNG.normal(size=(20, 2)))]

ROWS = {
    "binary_cross_entropy": [(SCORES[:, :1], YES), (SCORES, (SHARES > 0.5).astype(np.float64))],
    "cross_entropy": [(SCORES, CLASSES), (SCORES[:, :1], YES), (SCORES[:, :2], YES)],
    "dense_cross_entropy": [(SCORES, SHARES)],
    "huber": NUMBERS,
    "mae": NUMBERS,
    "mse": NUMBERS,
    "pearson": [NUMBERS[1], (1e3 + NUMBERS[1][0], 50 * NUMBERS[1][1]), (NUMBERS[1][1], NUMBERS[1][1])],
}
# A few roundings of probabilities, of which some are next to 0 or 1, times the row's number.
CLOSE = {"rtol": 1e-12, "atol": 1e-14, "equal_nan": True}
each = pytest.mark.parametrize(("name", "options"), CASES, ids=str)


def of_torch(torch, name, options, outputs, targets):
    """Return torch's loss of each row, and the gradient of their sum weighted by the row's number."""
    x = torch.tensor(outputs, requires_grad=True)
    losses = TORCH[name](torch.nn.functional, x, torch.tensor(targets), **options)
    (losses * torch.tensor(numbered(losses))).sum().backward()
    return losses.detach().numpy(), x.grad.numpy()


def numbered(rows):
    return np.arange(1.0, len(rows) + 1)


def test_every_loss_and_option_is_compared(check_complete):
    check_complete("loss", dict(REGISTRY.items()), CASES)


@each
def test_losses_of_the_reference_are_torchs(torch, reference, name, options):
    loss = REGISTRY.create(name, **options)
    for outputs, targets in ROWS[name]:
        found = loss.of_rows(outputs, targets, settings=loss.settings, xp=reference)
        np.testing.assert_allclose(found, of_torch(torch, name, options, outputs, targets)[0], **CLOSE)


@each
def test_losses_and_gradients_are_torchs(torch, double, name, options):
    loss, xp = REGISTRY.create(name, **options), double.xp

    def total(outputs, targets, weights):
        losses = loss.of_rows(outputs, targets, settings=loss.settings, xp=xp)
        return xp.sum(weights * losses), losses

    for outputs, targets in ROWS[name]:
        arguments = double.asarray((outputs, targets, numbered(outputs)))
        (_, found), gradients = double.to_numpy(double.value_and_grad(total)(*arguments))
        losses, slopes = of_torch(torch, name, options, outputs, targets)
        np.testing.assert_allclose(found, losses, **CLOSE)
        known = ~np.isnan(losses)
        np.testing.assert_allclose(gradients[known], slopes[known], **CLOSE)


def test_pearson_is_torchs_correlation(torch, reference):
    loss = REGISTRY.create("pearson", epsilon=1e-300)
    for outputs, targets in ROWS["pearson"]:
        found = loss.of_batch(outputs[:, :1], targets[:, :1], np.ones(len(outputs)), settings={}, xp=reference)
        both = torch.tensor(np.stack([outputs[:, 0], targets[:, 0]]))
        np.testing.assert_allclose(found, 1 - torch.corrcoef(both)[0, 1].item(), **CLOSE)
