"""Keyed random numbers: resolution, independence, and separate draws for the members of a fleet."""

import numpy as np
import pytest

KEYS = np.array([[1, 2], [3, 4], [1, 3]], np.uint32)


def test_uniform_uses_every_bit_of_the_mantissa(backend):
    bits = {"float32": 24, "float64": 53}[backend.dtype]
    draws = backend.to_numpy(backend.xp.random.uniform(backend.asarray(KEYS[0]), (4096,)))
    scaled = draws.astype(np.float64) * 2.0**bits
    assert 0 <= draws.min() < draws.max() < 1
    assert (scaled == np.floor(scaled)).all()
    assert np.any(scaled % 2 == 1)


def test_the_draws_of_a_key_are_those_of_earlier_versions(backend):
    scale = 2.0 ** {"float32": 24, "float64": 53}[backend.dtype]
    draws = {
        "float32": {(): [2457046], (1,): [2457046], (2,): [2457046, 5145160], (3,): [16127005, 12469555, 9163756]},
        "float64": {(): [1319116950079779], (1,): [1319116950079779], (2,): [8658120388595633, 6694541614184729]},
    }
    key = backend.asarray(KEYS[0])
    for shape, expected in draws[backend.dtype].items():
        found = backend.to_numpy(backend.xp.random.uniform(key, shape)).astype(np.float64)
        assert (found.ravel() * scale).tolist() == expected
    assert backend.to_numpy(backend.xp.random.fold_in(key, 7)).tolist() == [3613571186, 1695896795]


@pytest.mark.parametrize("name", ["uniform", "normal"])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (0,)])
def test_each_member_draws_from_its_own_key(backend, name, shape):
    draw = lambda key: getattr(backend.xp.random, name)(key, shape)
    fleet = backend.to_numpy(backend.vmap(draw)(backend.asarray(KEYS)))
    alone = [backend.to_numpy(draw(backend.asarray(key))) for key in KEYS]
    assert fleet.shape == (3, *shape)
    assert np.array_equal(fleet, np.stack(alone))


def test_normal_has_the_normal_distributions_moments_and_tails(backend):
    draws = backend.to_numpy(backend.xp.random.normal(backend.asarray(KEYS[0]), (100_000,))).astype(np.float64)
    # Tolerance: four standard errors.
    assert abs(draws.mean()) < 4 / 100_000**0.5
    assert abs(draws.std() - 1) < 4 / 200_000**0.5
    assert abs(np.mean(np.abs(draws) < 1) - 0.682689) < 4 * (0.2166 / 100_000) ** 0.5
    assert abs(np.mean(np.abs(draws) > 3) - 0.0026998) < 4 * (0.0027 / 100_000) ** 0.5


def test_folding_gives_new_reproducible_keys(backend):
    fold = lambda key, data: tuple(backend.to_numpy(backend.xp.random.fold_in(backend.asarray(key), data)))
    found = {fold(key, data) for key in KEYS for data in (0, 1, 2, 7, 2**40)}
    assert len(found) == 15
    assert fold(KEYS[0], 7) == fold(KEYS[0], 7)
    assert not found & {tuple(key) for key in KEYS}


def test_a_folded_key_differs_from_the_draws_of_its_key(backend):
    key, random = backend.asarray(KEYS[0]), backend.xp.random
    own = backend.to_numpy(random.uniform(key, (2,)))
    folded = backend.to_numpy(random.uniform(random.fold_in(key, 0), (2,)))
    assert not np.any(own == folded)


def test_folding_works_inside_a_fleet(backend):
    fold = lambda key: backend.xp.random.fold_in(key, 3)
    fleet = backend.to_numpy(backend.vmap(fold)(backend.asarray(KEYS)))
    assert np.array_equal(fleet[1], backend.to_numpy(fold(backend.asarray(KEYS[1]))))
