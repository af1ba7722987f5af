"""Cross-entropies with targets that are a little less sure."""

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["smoothed_binary_cross_entropy", "smoothed_cross_entropy"]


def smoothed_cross_entropy(xp: Namespace, logits: Array, targets: Array, *, label_smoothing: Array) -> Array:
    """Return each sample's cross-entropy with smoothed labels, in nats (Szegedy et al., 2016).

    The formula is that of `torch.nn.CrossEntropyLoss`: a share of each label is spread over all classes evenly.

    Args:
        xp: the backend's namespace.
        logits: unnormalised scores, `(batch, classes)`.
        targets: class indices, `(batch,)`, int32.
        label_smoothing: the share, from 0 to below 1: a number or a scalar array.
    """
    log_probabilities = xp.log_softmax(logits, axis=-1)
    of_label = xp.sum(xp.one_hot(targets, logits.shape[-1]) * log_probabilities, axis=-1)
    return -((1 - label_smoothing) * of_label + label_smoothing * xp.mean(log_probabilities, axis=-1))


def smoothed_binary_cross_entropy(xp: Namespace, logits: Array, targets: Array, *, label_smoothing: Array) -> Array:
    """Return each sample's cross-entropy with a smoothed yes or no, in nats, mean over outputs.

    As `smoothed_cross_entropy` with two classes.

    Args:
        xp: the backend's namespace.
        logits: the log of the odds of 1, `(batch, outputs)`.
        targets: 0 or 1: `(batch, outputs)`, or `(batch,)` for one output.
        label_smoothing: the share, from 0 to below 1: a number or a scalar array.
    """
    signs = 1 - 2 * xp.astype(xp.reshape(targets, logits.shape), xp.float)
    other = 0.5 * label_smoothing
    losses = (1 - other) * xp.softplus(signs * logits) + other * xp.softplus(-signs * logits)
    return xp.mean(losses, axis=-1)
