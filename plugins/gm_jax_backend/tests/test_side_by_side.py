"""A fleet's members are computed in parallel parts, with the same results as in one."""

import jax
import numpy as np
import pytest
from gm_jax_backend import JAXBackend, side_by_side
from gm_jax_backend import backend as module

RNG = np.random.default_rng(0)
MEMBERS = 7
CARRY = {"weight": RNG.normal(size=(MEMBERS, 3, 2)), "count": np.zeros(MEMBERS, np.int32)}
BATCHES = {"row": RNG.integers(0, 5, (4, MEMBERS, 6)).astype(np.int32)}
ROWS = RNG.normal(size=(5, 3))


def with_cores(monkeypatch, cores, **options):
    monkeypatch.setattr(module, "cores", lambda: cores)
    return JAXBackend(device="cpu", **options)


def fleet_program(backend):
    def step(carry, x, rows):
        moved = backend.vmap(lambda weight, row: weight + backend.xp.matmul(rows[row], weight).sum())(
            carry["weight"], x["row"]
        )
        return {"weight": moved / 4, "count": carry["count"] + 1}, None

    def run(carry, batches, empty, rows):
        assert empty is None
        after, _ = backend.scan(step, carry, batches, rows)
        return after, {"sum": after["weight"].sum(axis=(1, 2))}

    return backend.compile(run, loops=True, donate=(0,), members=(0, 1, 0, None))


def outcome(backend, program):
    after, sums = program(backend.asarray(CARRY), BATCHES, None, backend.asarray(ROWS))
    return backend.to_numpy((*program(after, BATCHES, None, backend.asarray(ROWS)), sums))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cores", [2, 3, 4, 6, 16])
def test_members_get_the_same_bits_on_any_number_of_cores(monkeypatch, cores, dtype):
    alone = with_cores(monkeypatch, 1, dtype=dtype)
    several = with_cores(monkeypatch, cores, dtype=dtype)
    wanted, found = (outcome(backend, fleet_program(backend)) for backend in (alone, several))
    assert jax.tree.structure(wanted) == jax.tree.structure(found)
    for one, other in zip(jax.tree.leaves(wanted), jax.tree.leaves(found), strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)


def test_members_that_do_not_fit_the_cache_are_split_further(monkeypatch):
    alone = outcome(backend := with_cores(monkeypatch, 1), fleet_program(backend))
    monkeypatch.setattr(side_by_side, "_CACHE", 100)
    backend = with_cores(monkeypatch, 2)
    program = fleet_program(backend)
    after, _ = program(backend.asarray(CARRY), BATCHES, None, backend.asarray(ROWS))
    assert [part.shape for part in after["weight"].parts] == [(3, 3, 2)] * 3
    for one, other in zip(jax.tree.leaves(alone), jax.tree.leaves(outcome(backend, program)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_parts_share_one_compiled_program(monkeypatch):
    backend = with_cores(monkeypatch, 3)
    outcome(backend, fleet_program(backend))
    assert backend.compilations == 1


def test_donated_members_whose_memory_fits_no_result_are_no_warning(monkeypatch, recwarn):
    backend = with_cores(monkeypatch, 2)
    sums = backend.compile(lambda x: backend.xp.sum(x, axis=1), donate=(0,), members=(0,))
    assert backend.to_numpy(sums(backend.asarray(np.ones((5, 7))))).tolist() == [7.0] * 5
    assert not recwarn.list


def test_a_single_member_is_not_split(monkeypatch):
    backend = with_cores(monkeypatch, 4)
    double = backend.compile(lambda x: x * 2, members=(0,))
    assert isinstance(double(backend.asarray(np.ones((1, 3)))), jax.Array)


def test_results_in_parts_are_accepted_by_any_program(monkeypatch):
    backend = with_cores(monkeypatch, 2)
    parted = backend.compile(lambda x: x + 1, members=(0,))(backend.asarray(np.arange(5.0)))
    assert parted.shape == (5,)
    for program in (
        backend.compile(lambda x: x * 2),
        backend.compile(lambda x: x * 2, members=(0,)),
        lambda x: backend.asarray(x) * 2,
    ):
        np.testing.assert_array_equal(backend.to_numpy(program(parted)), [2, 4, 6, 8, 10])


def test_results_in_parts_are_accepted_by_a_program_with_other_parts(monkeypatch):
    backend = with_cores(monkeypatch, 2)
    parted = backend.compile(lambda x: x + 1, members=(0,))(backend.asarray(np.arange(5.0)))
    monkeypatch.setattr(side_by_side, "_CACHE", 1)
    again = backend.compile(lambda x: x * 2, members=(0,))(parted)
    assert (parted.bounds, len(again.bounds)) == (((0, 3), (2, 5)), 5)
    np.testing.assert_array_equal(backend.to_numpy(again), [2, 4, 6, 8, 10])


def test_results_in_parts_are_accepted_along_another_axis(monkeypatch):
    backend = with_cores(monkeypatch, 2)
    square = np.arange(25.0).reshape(5, 5)
    parted = backend.compile(lambda x: x + 1, members=(0,))(backend.asarray(square))
    turned = backend.compile(lambda x: x.T, members=(1,))(parted)
    np.testing.assert_array_equal(backend.to_numpy(turned), (square + 1).T)


def test_provenance_reports_the_parts_without_batch_invariance(monkeypatch):
    assert "3 cores" in with_cores(monkeypatch, 3, batch_invariant=False).provenance()["batch_invariant"]
    assert "3 cores" not in with_cores(monkeypatch, 3).provenance()["batch_invariant"]


def test_an_error_in_a_part_is_raised(monkeypatch):
    backend = with_cores(monkeypatch, 2)
    bad = backend.compile(lambda x: backend.xp.matmul(x, x), members=(0,))
    with pytest.raises(TypeError, match="dot_general"):
        bad(backend.asarray(np.ones((4, 3, 2))))
