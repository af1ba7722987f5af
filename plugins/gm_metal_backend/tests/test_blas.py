"""On how many threads matrices are multiplied."""

import numpy as np
import pytest
from gm_metal_backend import MetalBackend
from gm_metal_backend.blas import BLAS
from gm_metal_backend.library import load


def _step(backend):
    def step(total, x, weight):
        return total + backend.xp.sum(backend.vmap(backend.xp.matmul)(x, weight)), None

    return step


def _summed(backend, members, rows, inputs, outputs):
    draw = np.random.default_rng(0)
    xs = draw.normal(size=(2, members, rows, inputs))
    weight = backend.asarray(draw.normal(size=(members, inputs, outputs)))
    total, _ = backend.scan(_step(backend), backend.asarray(np.zeros(())), xs, weight)
    return backend.to_numpy(total)


@pytest.fixture
def taken(monkeypatch):
    """How many threads were taken, call by call, by a BLAS that has eight."""
    found = []
    blas = load().blas
    monkeypatch.setattr(blas, "most", 8)
    monkeypatch.setattr(blas, "take", found.append)
    monkeypatch.setattr(blas, "_taken", 0)
    return found


def test_large_products_take_all_threads_and_small_ones_one(taken):
    backend = MetalBackend(device="cpu")
    _summed(backend, 1, 128, 128, 128)
    _summed(backend, 1, 128, 128, 64)
    _summed(backend, 1, 64, 128, 128)
    assert taken == [8, 1]


def test_the_number_of_members_makes_no_difference(taken):
    _summed(MetalBackend(device="cpu"), 50, 64, 64, 64)
    assert taken == [1]


def test_each_program_and_shape_takes_its_own_also_when_it_was_traced_before(taken):
    backend = MetalBackend(device="cpu")
    step, zero = _step(backend), backend.asarray(np.zeros(()))
    for _ in range(2):
        for size in (128, 16):
            backend.scan(step, zero, np.ones((2, 1, size, size)), backend.asarray(np.ones((1, size, size))))
    assert taken == [8, 1, 8, 1]


def test_what_was_enqueued_before_keeps_its_own():
    # In float64 MKL's last bits depend on the number of threads.
    backend = MetalBackend(dtype="float64", device="cpu")

    def step(weight, x):
        return backend.xp.tanh(backend.xp.matmul(x, weight)), None

    def enqueue(size, steps):
        xs = np.random.default_rng(size).normal(size=(steps, size, size))
        weight = backend.asarray(np.eye(size))
        return lambda: backend.scan(lambda weight, x, _: step(weight, x), weight, xs)[0]

    runs = [enqueue(125, 100), enqueue(160, 2)]
    alone = [backend.to_numpy(run()).tobytes() for run in runs]
    for _ in range(5):
        together = [run() for run in runs]
        assert [backend.to_numpy(weight).tobytes() for weight in together] == alone


def test_programs_without_products_leave_it(taken):
    backend = MetalBackend(device="cpu")
    _summed(backend, 1, 128, 128, 128)
    backend.to_numpy(backend.compile(lambda x: x + 1)(backend.asarray(np.zeros(3))))
    assert taken == [8]


def test_a_program_called_once_takes_its_own(taken):
    backend = MetalBackend(device="cpu")
    x = backend.asarray(np.ones((128, 128)))
    backend.to_numpy(backend.compile(backend.xp.matmul)(x, x))
    backend.to_numpy(backend.compile(backend.xp.matmul)(x[:4], x))
    assert taken == [8, 1]


def test_a_blas_that_has_no_say_in_it_is_left_alone():
    BLAS("another").suit(10**9, lambda: None)
