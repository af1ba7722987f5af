"""Checks of a backend's random numbers."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable

import numpy as np

from gmcore.domain import Array
from gmcore.ports import Backend

__all__ = ["assert_distributed", "assert_keyed", "assert_members_draw"]


def assert_keyed(backend: Backend) -> None:
    """Check that equal keys give equal draws, compiled or not, and that other and folded keys give other draws."""
    random, key = backend.xp.random, backend.asarray(np.array([1, 2], np.uint32))
    for draw in (random.uniform, random.normal):
        first = backend.to_numpy(draw(key, (50,)))
        np.testing.assert_array_equal(first, backend.to_numpy(draw(key, (50,))))
        compiled: Callable[[Array], Array] = backend.compile(lambda key, draw=draw: draw(key, (50,)))
        np.testing.assert_allclose(first, backend.to_numpy(compiled(key)), rtol=1e-5, atol=1e-6)
        for data in (0, 1, 2):
            assert not np.array_equal(first, backend.to_numpy(draw(random.fold_in(key, data), (50,))))
        other = backend.asarray(np.array([1, 3], np.uint32))
        assert not np.array_equal(first, backend.to_numpy(draw(other, (50,))))


def assert_distributed(backend: Backend) -> None:
    """Check mean, variance and bounds of 40,000 draws, to five standard errors, and that all mantissa bits are used.

    The lower half of the bits must not depend on the upper half.
    """
    count = 40_000
    key = backend.asarray(np.array([7, 9], np.uint32))
    uniform = backend.to_numpy(backend.xp.random.uniform(key, (count,)))
    normal = backend.to_numpy(backend.xp.random.normal(key, (count,)))
    assert uniform.dtype == normal.dtype == backend.dtype
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 5 * np.sqrt(1 / 12 / count)
    assert abs(uniform.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / count)
    assert abs(normal.mean()) < 5 / np.sqrt(count)
    assert abs(normal.var() - 1) < 5 * np.sqrt(2 / count)
    assert abs((np.abs(normal) < 1).mean() - 0.6827) < 5 * np.sqrt(0.6827 * 0.3173 / count)
    bits = 24 if backend.dtype == "float32" else 53
    whole = uniform.astype(np.float64) * 2.0**bits
    assert np.any(whole % 4 != 0)
    upper, lower = np.divmod(whole, 2.0 ** (bits // 2))
    assert abs(np.corrcoef(upper, lower)[0, 1]) < 5 / np.sqrt(count)


def assert_members_draw(backend: Backend) -> None:
    """Check that a member's draws under `vmap` are those it has alone."""
    keys = np.random.default_rng(0).integers(0, 2**32, (3, 2), np.uint32)
    for draw in (backend.xp.random.uniform, backend.xp.random.normal):
        member: Callable[..., Array] = lambda key, draw=draw: draw(backend.xp.random.fold_in(key, 4), (20,))
        together = backend.to_numpy(backend.vmap(member)(backend.asarray(keys)))
        alone = [backend.to_numpy(member(backend.asarray(key))) for key in keys]
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
        assert len(np.unique(together)) > 50  # noqa: PLR2004 - of 60 draws by three members
