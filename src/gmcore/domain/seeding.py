"""Seeding: every random draw is a function of the seed, its purpose and its place in training."""

import zlib

import numpy as np

__all__ = ["generator"]


def generator(seed: int, purpose: str, *place: int) -> np.random.Generator:
    """Return the random generator for one purpose at one place in training.

    Equal arguments give equal draws, in any process and in any order; different arguments give independent draws.
    The generator is SFC64, NumPy's fastest for shuffling, seeded by `numpy.random.SeedSequence`.

    Args:
        seed: the user's seed, at least 0.
        purpose: what is drawn: `"weights"`, `"shuffle"`, `"dropout"`, `"split"` …
        place: the member, epoch and step, as far as they apply.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()), *place))
    return np.random.Generator(np.random.SFC64(sequence))
