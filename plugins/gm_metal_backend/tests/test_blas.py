"""Number of BLAS threads."""

import numpy as np
import pytest
from gm_metal_backend import MetalBackend
from gm_metal_backend.blas import BLAS
from gm_metal_backend.library import load
from gm_metal_backend.products import Products


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
def threads(monkeypatch):
    """The number of threads set in each call, for a BLAS with eight."""
    found = []
    blas = load().blas
    monkeypatch.setattr(blas, "max_threads", 8)
    monkeypatch.setattr(blas, "set_threads", found.append)
    monkeypatch.setattr(blas, "_threads", 0)
    return found


def test_large_products_use_all_threads_and_small_ones_one(threads):
    backend = MetalBackend(device="cpu")
    _summed(backend, 1, 128, 128, 128)
    _summed(backend, 1, 128, 128, 64)
    _summed(backend, 1, 64, 128, 128)
    assert threads == [8, 1]


def test_the_number_of_members_does_not_matter(threads):
    _summed(MetalBackend(device="cpu"), 50, 64, 64, 64)
    assert threads == [1]


def test_each_program_and_shape_sets_its_number_even_if_traced_before(threads):
    backend = MetalBackend(device="cpu")
    step, zero = _step(backend), backend.asarray(np.zeros(()))
    for _ in range(2):
        for size in (128, 16):
            backend.scan(step, zero, np.ones((2, 1, size, size)), backend.asarray(np.ones((1, size, size))))
    assert threads == [8, 1, 8, 1]


def test_programs_enqueued_before_keep_their_number_of_threads():
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


def test_a_program_without_products_changes_nothing(threads):
    backend = MetalBackend(device="cpu")
    _summed(backend, 1, 128, 128, 128)
    backend.to_numpy(backend.compile(lambda x: x + 1)(backend.asarray(np.zeros(3))))
    assert threads == [8]


def test_a_program_called_once_sets_its_number(threads):
    backend = MetalBackend(device="cpu")
    x = backend.asarray(np.ones((128, 128)))
    backend.to_numpy(backend.compile(backend.xp.matmul)(x, x))
    backend.to_numpy(backend.compile(backend.xp.matmul)(x[:4], x))
    assert threads == [8, 1]


def test_a_small_product_in_an_inner_program_does_not_hide_a_large_one(threads):
    backend = MetalBackend(device="cpu")
    inner, x = backend.compile(backend.xp.matmul), backend.asarray(np.ones((128, 128)))
    outer = backend.compile(lambda x: inner(backend.xp.matmul(x, x)[:4], x))
    backend.to_numpy(outer(x))
    assert threads[-1] == 8


def test_programs_are_waited_for_before_the_number_changes_and_only_then():
    events = []
    blas = BLAS("a BLAS", 8, events.append)
    for multiplications in (10**9, 10**9, 1, 0, 1):
        blas.suit(multiplications, lambda: events.append("wait"))
    assert events == ["wait", 8, "wait", 1]


def test_a_blas_whose_threads_cannot_be_set_keeps_its_one():
    blas, waits = BLAS("another"), []
    for multiplications in (10**9, 1, 10**9):
        blas.suit(multiplications, lambda: waits.append(1))
    assert len(waits) <= 1


@pytest.mark.parametrize(("columns", "expected"), [((), 12), ((5,), 60)])
def test_the_multiplications_of_a_product_are_counted_and_a_vector_has_one_column(columns, expected):
    products = Products()
    assert products.of(lambda: products.see(np.ones((3, 4)), np.ones((4, *columns))))[1] == expected
