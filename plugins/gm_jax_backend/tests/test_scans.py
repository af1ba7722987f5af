"""Scans of the first steps: how many programs they need, on a CPU and where a length is a part of the program."""

import jax
import numpy as np
import pytest
from gm_jax_backend import JAXBackend

XS = np.arange(12.0).reshape(6, 2)


def step(carry, x, by):
    return carry + x * by, None


def program(backend, **options):
    def run(carry, xs, length, by):
        return backend.scan(step, carry, xs, by, length)[0]

    return backend.compile(run, loops=True, lengths=(2,), **options)


@pytest.fixture
def as_on_a_gpu():
    """Return a backend that compiles as on a GPU, but for the CPU."""
    backend = JAXBackend(device="cpu", batch_invariant=False)
    backend.device = "cuda"
    return backend


def sums(backend, run, lengths):
    by = backend.asarray(np.array(3.0))
    return [backend.to_numpy(run(backend.asarray(np.zeros(2)), XS, length, by)).tolist() for length in lengths]


def expected(lengths):
    return [(3 * XS[:length]).sum(axis=0).tolist() for length in lengths]


def test_on_a_cpu_one_program_serves_all_lengths():
    backend = JAXBackend(device="cpu")
    assert sums(backend, program(backend), (1, 6, 4, 1)) == expected((1, 6, 4, 1))
    assert backend.compilations == 1


def test_on_a_gpu_each_length_has_its_own_program(as_on_a_gpu):
    assert sums(as_on_a_gpu, program(as_on_a_gpu), (1, 6, 4, 1)) == expected((1, 6, 4, 1))
    assert as_on_a_gpu.compilations == 3


@pytest.mark.parametrize("length", [7, 100])
def test_there_are_no_more_steps_than_in_xs(as_on_a_gpu, length):
    for backend in (JAXBackend(device="cpu"), as_on_a_gpu):
        assert sums(backend, program(backend), (length,)) == expected((6,))


def test_a_step_is_traced_once_for_a_program():
    traces = []

    def traced(carry, x, by):
        traces.append(x)
        return step(carry, x, by)

    backend = JAXBackend(device="cpu")
    run = backend.compile(lambda carry, xs, length: backend.scan(traced, carry, xs, 3.0, length)[0], lengths=(2,))
    run(backend.asarray(np.zeros(2)), XS, 3)
    assert len(traces) == 1


def test_a_scan_of_the_first_steps_has_the_bits_of_a_whole_scan():
    """In a step in which the compiler could fuse products with sums."""
    backend, rng = JAXBackend(device="cpu"), np.random.default_rng(0)
    xs, weight = rng.normal(size=(9, 4, 8, 3)), rng.normal(size=(4, 3, 5))

    def learn(weight, x, _):
        gradient = backend.vmap(lambda weight, x: x.T @ backend.xp.tanh(x @ weight))(weight, x)
        return weight * 0.9 - 0.1 * gradient, gradient.sum()

    def run(weight, xs, length):
        return backend.scan(learn, weight, xs, None, length)

    bounded = backend.compile(run, lengths=(2,))(backend.asarray(weight), xs, 5)
    whole = backend.compile(lambda weight, xs: run(weight, xs, None))(backend.asarray(weight), xs[:5])
    (one, ys), (other, expected_ys) = backend.to_numpy((bounded, whole))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(ys, [*expected_ys, 0, 0, 0, 0])
    assert jax.tree.structure(bounded) == jax.tree.structure(whole)
