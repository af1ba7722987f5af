"""The determinism law: whatever is random is a function of where in training it happens."""

import zlib

import numpy as np

__all__ = ["generator"]


def generator(seed: int, purpose: str, *place: int) -> np.random.Generator:
    """Return the generator for one purpose at one place of training.

    The same arguments give the same draws, in any process and in any order; others give
    independent ones (SFC64 seeded by `numpy.random.SeedSequence`, the fastest of NumPy's to shuffle with).

    Args:
        seed: the user's seed, not negative.
        purpose: what is drawn: `"weights"`, `"shuffle"`, `"dropout"`, `"split"` …
        place: where: member, epoch, step, as far as it applies.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()), *place))
    return np.random.Generator(np.random.SFC64(sequence))
