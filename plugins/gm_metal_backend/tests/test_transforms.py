"""Transforms and conversions: arguments, number of compilations, memory, threads and dtypes."""

import gc
import threading
import weakref

import numpy as np
import pytest
from gm_metal_backend import MetalBackend

from gmcore.errors import TrainingError


def _add(carry, x, shared):
    return {"sum": carry["sum"] + x["value"] * shared}, (carry["sum"], {"key": x["key"]})


XS = {"value": np.arange(5) / 3, "key": np.arange(5, dtype=np.uint32)}


def test_scan_carries_and_stacks(backend):
    start, shared = {"sum": backend.xp.zeros(())}, backend.xp.ones(())
    carry, (sums, rest) = backend.to_numpy(backend.scan(_add, start, XS, shared))
    expected = np.cumsum(XS["value"].astype(backend.dtype))
    assert carry["sum"] == pytest.approx(expected[-1], rel=1e-6)
    assert sums[1:] == pytest.approx(expected[:-1], rel=1e-6)
    assert sums.dtype == backend.dtype
    assert rest["key"].dtype == np.uint32
    assert rest["key"].tolist() == [0, 1, 2, 3, 4]


def test_scan_accepts_device_arrays_and_numpy_arrays(backend):
    start, shared = {"sum": backend.xp.zeros(())}, backend.xp.ones(())
    host = backend.to_numpy(backend.scan(_add, start, XS, shared))
    device = backend.to_numpy(backend.scan(_add, start, backend.asarray(XS), shared))
    assert host[0] == device[0]
    assert np.array_equal(host[1][0], device[1][0])


def test_a_step_compiles_once_however_often_it_is_scanned(backend):
    start, shared = {"sum": backend.xp.zeros(())}, backend.xp.ones(())
    for _ in range(3):
        start, _ = backend.scan(_add, start, XS, shared)
    backend.scan(_add, start, {name: column[:2] for name, column in XS.items()}, shared)
    assert backend.compilations == 1


def test_a_new_shape_is_counted(backend):
    double = backend.compile(lambda x: x * 2)
    for size in (2, 3, 2, 3):
        double(backend.xp.ones((size,)))
    assert backend.compilations == 2


def test_a_deleted_step_leaves_nothing_in_the_cache(backend):
    class Step:
        def __call__(self, carry, x, shared):
            return carry + x, None

    step = Step()
    dropped = weakref.ref(step)
    backend.scan(step, backend.xp.zeros(()), np.ones(2))
    del step
    gc.collect()
    assert dropped() is None
    assert not backend._steps


def test_the_memory_of_enqueued_steps_is_bounded(backend):
    mx = backend._mx
    step = lambda carry, x, _: (carry + x, None)
    start = backend.asarray(np.zeros(2**18))
    size = start.nbytes
    backend.to_numpy(backend.scan(step, start, np.ones(2))[0])
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    carry, _ = backend.scan(step, start, np.ones(1000))
    assert mx.get_peak_memory() - before < 100 * size
    assert backend.to_numpy(carry)[0] == 1000


def test_vmap_takes_trees_of_axes(backend):
    fn = lambda params, batch, scale: params["a"]["w"] * batch[0] + batch[1] * scale
    fleet = backend.vmap(fn, in_axes=({"a": {"w": 0}}, (None, 0), None))
    numbers = lambda *values: backend.asarray(np.array(values))
    found = fleet({"a": {"w": numbers(1.0, 2.0)}}, (numbers(3.0), numbers([1.0], [2.0])), numbers(10.0))
    assert backend.to_numpy(found).tolist() == [[13.0], [26.0]]


def test_vmap_repeats_constant_results_and_keeps_empty_branches(backend):
    fn = lambda x, state: (x, backend.xp.ones((2,)), state)
    _, ones, state = backend.vmap(fn)(backend.xp.zeros((3,)), {})
    assert ones.shape == (3, 2)
    assert state == {}


def test_none_is_kept_in_results(backend):
    fn = lambda x: {"none": None, "pair": (x, None), "last": x + 1}
    for transformed in (backend.vmap(fn), backend.checkpoint(fn), backend.vmap(backend.checkpoint(fn))):
        found = transformed(backend.xp.zeros((2,)))
        assert (found["none"], found["pair"][1]) == (None, None)
        assert backend.to_numpy((found["pair"][0], found["last"]))[1].tolist() == [1, 1]


def test_value_and_grad_is_of_the_first_argument(backend):
    fn = lambda params, x: (backend.xp.sum(params["w"] ** 2 * x), {"x": x})
    given = ({"w": backend.asarray(np.array([1.0, 2.0]))}, backend.asarray(np.array([3.0, 4.0])))
    (value, aux), gradients = backend.to_numpy(backend.value_and_grad(fn)(*given))
    assert value == 19
    assert aux["x"].tolist() == [3, 4]
    assert gradients["w"].tolist() == [6, 16]


def test_checkpointing_gives_the_same_bits(backend):
    xp = backend.xp
    layer = lambda params, x: xp.sum(xp.sigmoid(xp.erf(x @ params["w"])))
    params = {"w": backend.asarray(np.random.default_rng(0).normal(size=(3, 4, 2)))}
    x = backend.asarray(np.random.default_rng(1).normal(size=(3, 5, 4)))

    def gradients(fn):
        fleet = lambda params: (xp.sum(backend.vmap(fn)(params, x)), ())
        return backend.to_numpy(backend.value_and_grad(fleet)(params)[1]["w"])

    assert np.array_equal(gradients(layer), gradients(backend.checkpoint(layer)))


def test_a_function_with_loops_runs_uncompiled(backend):
    calls = []
    step = lambda carry, x, _: (carry + x, None)

    def epoch(start):
        calls.append(1)
        return backend.scan(step, start, np.ones(3))[0]

    run = backend.compile(epoch, loops=True)
    assert backend.to_numpy(run(run(backend.xp.zeros(())))) == 6
    assert len(calls) == 2
    assert backend.compilations == 1


@pytest.mark.parametrize("method", ["asarray", "to_numpy", "scan", "compiled"])
def test_use_in_another_thread_is_an_error(backend, method):
    array = backend.xp.zeros((2,))
    compiled = backend.compile(lambda x: x)
    calls = {
        "asarray": lambda: backend.asarray(np.ones(2)),
        "to_numpy": lambda: backend.to_numpy(array),
        "scan": lambda: backend.scan(_add, {"sum": array}, XS, array),
        "compiled": lambda: compiled(array),
    }
    raised = []

    def run():
        try:
            calls[method]()
        except TrainingError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert raised == ["an MLX backend works only in the thread that created it: create one in each thread"]


def test_a_backend_belongs_to_its_thread_even_if_a_later_one_has_the_same_number():
    made, refused = [], []

    def make():
        made.append(MetalBackend(device="cpu"))

    def use():
        try:
            made[0].asarray(np.ones(2))
        except TrainingError:
            refused.append(threading.get_ident())

    for work in (make, use, use, use):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(refused) == 3


def test_a_backend_works_in_the_thread_that_created_it():
    found = []

    def run():
        backend = MetalBackend(device="cpu")
        found.append(backend.to_numpy(backend.asarray(np.ones(2))).tolist())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [[1, 1]]


def test_both_dtypes_work_in_one_process():
    backends = [MetalBackend(dtype=dtype, device="cpu") for dtype in ("float32", "float64")]
    thirds = [backend.asarray(np.array([1 / 3])) for backend in backends]
    doubled = [
        backend.to_numpy(backend.compile(lambda x: x * 2)(x)) for backend, x in zip(backends, thirds, strict=True)
    ]
    assert [found.dtype for found in doubled] == [np.float32, np.float64]
    assert doubled[1] == 2 / 3


@pytest.mark.parametrize("host", [np.float64, np.float32, np.float16])
def test_floats_become_the_backends_dtype_and_keep_their_value(backend, host):
    value = np.asarray(1 / 3, host)
    found = backend.to_numpy(backend.asarray({"deep": ({"x": value},)}))["deep"][0]["x"]
    assert found.dtype == backend.dtype
    assert found == value.astype(backend.dtype)


@pytest.mark.parametrize(
    ("host", "dtype"),
    [(np.int64, np.int32), (np.int8, np.int32), (np.uint8, np.int32), (np.uint32, np.uint32), (np.bool_, np.bool_)],
)
def test_integers_become_int32_but_uint32_and_booleans_stay(backend, host, dtype):
    found = backend.to_numpy(backend.asarray(np.array([0, 1], host)))
    assert found.dtype == dtype
    assert found.tolist() == [0, 1]


def test_an_integer_that_does_not_fit_int32_is_an_error(backend):
    with pytest.raises(OverflowError, match="must fit int32, got values from 0 to 4294967296"):
        backend.asarray(np.array([0, 2**32]))


def test_text_is_rejected(backend):
    with pytest.raises(TypeError, match="got dtype <U1"):
        backend.asarray(np.array(["a"]))


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_empty_arrays_have_a_sum(backend, axis):
    empty = backend.asarray(np.zeros((0, 3)))
    for name in ("sum", "all", "any"):
        found = backend.to_numpy(getattr(backend.xp, name)(empty, axis=axis))
        assert np.array_equal(found, getattr(np, name)(np.zeros((0, 3)), axis=axis))
    assert np.isnan(backend.to_numpy(backend.xp.mean(empty, axis=axis))).all()
    fleet = backend.vmap(lambda x: backend.xp.sum(x, axis=axis))(backend.asarray(np.zeros((2, 0, 3))))
    assert backend.to_numpy(fleet).sum() == 0


def test_a_dense_layer_without_inputs_returns_its_bias(backend):
    found = backend.asarray(np.zeros((2, 0))) @ backend.asarray(np.zeros((0, 3))) + backend.asarray(np.ones(3))
    assert backend.to_numpy(found).tolist() == [[1] * 3] * 2


def test_float_functions_of_integers_have_the_backends_dtype(backend):
    xp, whole = backend.xp, backend.asarray(np.array([0, 1, 3]))
    third = {"mean": xp.mean(whole), "exp": xp.exp(whole)[1], "where": xp.where(whole > 0, 0.1, whole)[1]}
    expected = {"mean": 4 / 3, "exp": np.e, "where": 0.1}
    for name, found in backend.to_numpy(third).items():
        assert found.dtype == backend.dtype
        assert found == pytest.approx(expected[name], rel=1e-15 if backend.dtype == "float64" else 1e-6)
