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


def focal(functional, outputs, targets, gamma=2.0, alpha=None, label_smoothing=0.0):
    """Return torchvision's `sigmoid_focal_loss` of smoothed labels; for scores of classes, its formula of softmax."""
    classes = outputs.shape[-1] if targets.ndim < outputs.ndim else 1
    if classes == 1:
        shares = smoothed(targets.double().reshape(outputs.shape), 2, label_smoothing)
        ce = functional.binary_cross_entropy_with_logits(outputs, shares, reduction="none")
        p = outputs.sigmoid()
        p_t, yes = p * shares + (1 - p) * (1 - shares), shares
    else:
        shares = smoothed(functional.one_hot(targets.long(), classes).double(), classes, label_smoothing)
        ce = functional.cross_entropy(outputs, targets.long(), label_smoothing=label_smoothing, reduction="none")
        p_t, yes = (shares * outputs.softmax(-1)).sum(-1), shares[:, 1]
    loss = ce * (1 - p_t) ** gamma
    if alpha is not None:
        loss = (alpha * yes + (1 - alpha) * (1 - yes)) * loss
    return loss if loss.ndim == 1 else loss.mean(-1)


def smoothed(shares, classes, label_smoothing):
    return (1 - label_smoothing) * shares + label_smoothing / classes


def margin_loss(p):
    """Return the hinge loss: torch's of several scores, and of one output that of a margin from 0."""

    def of_rows(functional, outputs, targets, margin=1.0):
        if outputs.shape[-1] > 1 and targets.ndim == 1:
            return functional.multi_margin_loss(outputs, targets.long(), p=p, margin=margin, reduction="none")
        signs = 2 * targets.double().reshape(outputs.shape) - 1
        return ((margin - signs * outputs).relu() ** p).mean(-1)

    return of_rows


def kl_divergence(functional, outputs, targets, label_smoothing=0.0):
    shares = smoothed(targets, outputs.shape[-1], label_smoothing)
    return functional.kl_div(outputs.log_softmax(-1), shares, reduction="none").sum(-1)


def poisson(functional, outputs, targets, epsilon=1e-8, **options):
    return functional.poisson_nll_loss(outputs, targets, eps=epsilon, reduction="none", **options).mean(-1)


def log_cosh(functional, outputs, targets):
    """Return the logarithm of the hyperbolic cosine; torch has none."""
    size = (outputs - targets).abs()
    near = (2 * (size.clamp(max=1) / 2).sinh().square()).log1p()
    return near.where(size < 1, size + functional.softplus(-2 * size) - np.log(2)).mean(-1)


def quantile(_, outputs, targets, quantile=0.5):
    error = targets - outputs
    return (quantile * error.relu() + (1 - quantile) * (-error).relu()).mean(-1)


def cosine(functional, outputs, targets):
    ones = outputs.new_ones(len(outputs))
    return functional.cosine_embedding_loss(outputs, targets, ones, reduction="none")


def sharpe(_, outputs, targets):
    returns = (outputs.softmax(-1) * targets).sum(-1)
    return (-returns.mean() / returns.std(correction=0)).expand(len(outputs))


def unit(vectors):
    return vectors / (vectors.square().sum(-1, keepdim=True) + 1e-12).sqrt()


def contrastive(functional, outputs, targets, temperature=0.1):
    scores = unit(outputs) @ unit(targets).T / temperature
    labels = scores.detach().new_tensor(range(len(scores))).long()
    return functional.cross_entropy(scores, labels).expand(len(outputs))


def routing_contrastive(_, outputs, targets, scale=1.0):
    cosines = unit(outputs) @ unit(outputs).T
    pairs = len(outputs) * (len(outputs) - 1) / 2
    return (scale * cosines.triu(1).sum() / pairs).expand(len(outputs))


# torch's function of each, given torch.nn.functional; those of numbers are averaged over a row's targets.
TORCH = {
    "binary_cross_entropy": smoothed_binary,
    "contrastive": contrastive,
    "cosine": cosine,
    "cross_entropy": cross_entropy,
    "dense_cross_entropy": lambda functional, *both, **options: functional.cross_entropy(
        *both, reduction="none", **options
    ),
    "focal": focal,
    "hinge": margin_loss(1),
    "huber": lambda functional, x, y, **options: functional.huber_loss(x, y, reduction="none", **options).mean(-1),
    "kl_divergence": kl_divergence,
    "log_cosh": log_cosh,
    "mae": lambda functional, x, y: functional.l1_loss(x, y, reduction="none").mean(-1),
    "mse": lambda functional, x, y: functional.mse_loss(x, y, reduction="none").mean(-1),
    "pearson": pearson,
    "poisson": poisson,
    "quantile": quantile,
    "routing_contrastive": routing_contrastive,
    "sharpe": sharpe,
    "squared_hinge": margin_loss(2),
}
CASES = [
    *((name, {}) for name in TORCH),
    ("binary_cross_entropy", {"label_smoothing": 0.1}),
    ("binary_cross_entropy", {"label_smoothing": 0.9}),
    ("contrastive", {"temperature": 0.05}),
    ("cross_entropy", {"label_smoothing": 0.1}),
    ("cross_entropy", {"label_smoothing": 0.9}),
    ("dense_cross_entropy", {"label_smoothing": 0.2}),
    ("focal", {"gamma": 0.0}),
    ("focal", {"gamma": 0.5}),
    ("focal", {"gamma": 3.0, "alpha": 0.25, "label_smoothing": 0.1}),
    ("hinge", {"margin": 0.25}),
    ("huber", {"delta": 0.3}),
    ("huber", {"delta": 1e-3}),
    ("huber", {"delta": 1e3}),
    ("kl_divergence", {"label_smoothing": 0.2}),
    ("pearson", {"epsilon": 0.3}),
    ("poisson", {"full": True}),
    ("poisson", {"log_input": False}),
    ("poisson", {"log_input": False, "epsilon": 0.1}),
    ("quantile", {"quantile": 0.9}),
    ("routing_contrastive", {"scale": 0.01}),
    ("squared_hinge", {"margin": 0.25}),
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

LABELS = (SHARES > 0.5).astype(np.int32)
TRUE = SCORES[:-3]  # without NaN, for which torch's hinge loss of several scores is 0
POSITIVE = np.concatenate([RNG.uniform(0.1, 6, size=(20, 2)), [[0, 0], [0, 1e-8]]])
COUNTS = np.concatenate([RNG.poisson(2.0, size=(20, 2)), [[0, 1], [3, 0]]]).astype(np.float64)
VECTORS = [NUMBERS[1], (1e3 * NUMBERS[1][0], NUMBERS[1][1]), (NUMBERS[1][1], NUMBERS[1][1])]
HINGES = [(TRUE, CLASSES[:-3]), (TRUE[:, :1], YES[:-3]), (TRUE[:, :2], YES[:-3]), (TRUE, LABELS[:-3])]

ROWS = {
    "binary_cross_entropy": [(SCORES[:, :1], YES), (SCORES, LABELS), (SCORES, SHARES)],
    "contrastive": VECTORS,
    "cosine": [*VECTORS, NUMBERS[0], (ERRORS[6:, [1, 0]], ERRORS[6:])],  # torch's epsilon is that of float32
    "cross_entropy": [(SCORES, CLASSES), (SCORES[:, :1], YES), (SCORES[:, :2], YES)],
    "dense_cross_entropy": [(SCORES, SHARES)],
    "focal": [(SCORES, CLASSES), (SCORES[:, :1], YES), (SCORES[:, :2], YES), (SCORES, LABELS)],
    "hinge": HINGES,
    "huber": NUMBERS,
    "kl_divergence": [(SCORES, SHARES)],
    "log_cosh": NUMBERS,
    "mae": NUMBERS,
    "mse": NUMBERS,
    "pearson": [NUMBERS[1], (1e3 + NUMBERS[1][0], 50 * NUMBERS[1][1]), (NUMBERS[1][1], NUMBERS[1][1])],
    "poisson": [(POSITIVE, COUNTS)],
    "quantile": NUMBERS,
    "routing_contrastive": VECTORS,
    "sharpe": [NUMBERS[1], (SCORES[:40], 0.01 * RNG.normal(size=(40, 3)))],
    "squared_hinge": HINGES,
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


def rows_of(name, options):
    """Yield outputs and targets; weights of two classes are not those of three."""
    for outputs, targets in ROWS[name]:
        if "alpha" not in options or targets.max() == 1:
            yield outputs, targets


def numbered(rows):
    return np.arange(1.0, len(rows) + 1)


def test_every_loss_and_option_is_compared(check_complete):
    check_complete("loss", dict(REGISTRY.items()), CASES)


@each
def test_losses_of_the_reference_are_torchs(torch, reference, name, options):
    loss = REGISTRY.create(name, **options)
    for outputs, targets in rows_of(name, options):
        found = loss.of_rows(outputs, targets, settings=loss.settings, xp=reference)
        np.testing.assert_allclose(found, of_torch(torch, name, options, outputs, targets)[0], **CLOSE)


@each
def test_losses_and_gradients_are_torchs(torch, double, name, options):
    loss, xp = REGISTRY.create(name, **options), double.xp

    def total(outputs, targets, weights):
        losses = loss.of_rows(outputs, targets, settings=loss.settings, xp=xp)
        return xp.sum(weights * losses), losses

    for outputs, targets in rows_of(name, options):
        arguments = double.asarray((outputs, targets, numbered(outputs)))
        (_, found), gradients = double.to_numpy(double.value_and_grad(total)(*arguments))
        losses, slopes = of_torch(torch, name, options, outputs, targets)
        np.testing.assert_allclose(found, losses, **CLOSE)
        known = ~np.isnan(losses)
        assert np.isfinite(gradients[known]).all()
        known &= np.isfinite(slopes).all(axis=1)  # that of torchvision's `(1 - p) ** 0.5` is not, where `p` is 1
        np.testing.assert_allclose(gradients[known], slopes[known], **CLOSE)


def test_pearson_is_torchs_correlation(torch, reference):
    loss = REGISTRY.create("pearson", epsilon=1e-300)
    for outputs, targets in ROWS["pearson"]:
        found = loss.of_batch(outputs[:, :1], targets[:, :1], np.ones(len(outputs)), settings={}, xp=reference)
        both = torch.tensor(np.stack([outputs[:, 0], targets[:, 0]]))
        np.testing.assert_allclose(found, 1 - torch.corrcoef(both)[0, 1].item(), **CLOSE)
