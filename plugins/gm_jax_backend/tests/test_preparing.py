"""Programs that are compiled in another thread before they are called."""

import threading

import jax
import numpy as np
import pytest
from gm_jax_backend import JAXBackend
from gm_jax_backend import backend as module

CARRY, XS, BY = np.zeros((6, 2)), np.ones((4, 6, 2)), np.array(3.0)


@pytest.fixture
def compiled():
    """Return a call that counts the programs that XLA compiles, or reads from its cache, in another call."""
    durations: list[str] = []

    def listen(name, _, **__):
        durations.append(name)

    def count(fn, *args):
        durations.clear()
        fn(*args)
        return durations.count("/jax/core/compile/backend_compile_duration")

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield count
    jax.monitoring.unregister_event_duration_listener(listen)


def program(backend, **options):
    def run(carry, xs, length, by):
        total, ys = backend.scan(lambda carry, x, by: (carry + x * by, x.sum(1)), carry, xs, by, length)
        return total, backend.xp.permute_dims(ys, (1, 0))

    return backend.compile(run, loops=True, lengths=(2,), **options)


@pytest.mark.parametrize(("device", "cores"), [("cpu", 1), ("cpu", 2), ("cuda", 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_call_of_a_prepared_program_compiles_nothing(monkeypatch, compiled, device, cores, dtype):
    monkeypatch.setattr(module, "cores", lambda: cores)
    backend = JAXBackend(device="cpu", dtype=dtype, batch_invariant=device == "cpu")
    backend.device = device  # "cuda": compiled as on a GPU, but for the CPU
    run = program(backend, members=(0, 1, None, None))
    prepared = backend.prepare(run, CARRY, XS, 3, BY, on_device=(0, 3))
    assert backend.compilations == 0
    assert compiled(lambda: in_a_thread(prepared)) == 1
    assert backend.compilations == 1
    carry, by = backend.asarray(CARRY), backend.asarray(BY)
    results = []
    assert compiled(lambda: results.append(run(carry, XS, 3, by))) == 0
    assert backend.compilations == 1
    np.testing.assert_array_equal(backend.to_numpy(results[0][0]), np.full((6, 2), 9.0))


def test_a_program_is_compiled_as_usual_for_what_was_not_prepared():
    backend = JAXBackend(device="cpu")
    run = program(backend)
    in_a_thread(backend.prepare(run, CARRY, XS, 3, BY, on_device=(0, 3)))
    after, _ = run(backend.asarray(CARRY[:5]), XS[:, :5], 2, backend.asarray(BY))
    assert backend.compilations == 2
    np.testing.assert_array_equal(backend.to_numpy(after), np.full((5, 2), 6.0))


def test_a_program_that_another_thread_traces_does_not_change_what_this_thread_calls():
    """Inside a trace, functions are part of it; that holds for the thread that traces alone."""
    backend = JAXBackend(device="cpu")
    inside, go_on = threading.Event(), threading.Event()

    def slow(x):
        inside.set()
        go_on.wait(10)
        return x * 2

    double = backend.compile(lambda x: x * 2)
    thread = threading.Thread(target=backend.prepare(backend.compile(slow), CARRY, on_device=(0,)))
    thread.start()
    assert inside.wait(10)
    backend.to_numpy(double(backend.asarray(CARRY)))
    assert backend.compilations == 2
    go_on.set()
    thread.join()


def test_preparing_raises_what_tracing_raises():
    backend = JAXBackend(device="cpu")

    def broken(_):
        raise ValueError("no such model")

    with pytest.raises(ValueError, match="no such model"):
        backend.prepare(backend.compile(broken), CARRY)()


def in_a_thread(fn):
    thread = threading.Thread(target=fn)
    thread.start()
    thread.join()


def test_what_is_compiled_already_is_not_compiled_again(compiled):
    backend = JAXBackend(device="cpu")
    run = program(backend, members=(0, 1, None, None))
    prepared = lambda: in_a_thread(backend.prepare(run, CARRY, XS, 3, BY, on_device=(0, 3)))
    assert compiled(prepared) == 1
    assert compiled(prepared) == 0
    other = program(backend, members=(0, 1, None, None))
    carry, by = backend.asarray(CARRY), backend.asarray(BY)
    assert compiled(lambda: other(carry, XS, 3, by)) == 1
    assert compiled(lambda: in_a_thread(backend.prepare(other, CARRY, XS, 3, BY, on_device=(0, 3)))) == 0
    assert backend.compilations == 2
