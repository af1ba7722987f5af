"""A member's bits do not depend on the number of members with the installed jaxlib."""

import jax
import numpy as np
import pytest
from gm_jax_backend import JAXBackend
from gm_jax_backend.invariance import COMPILER_OPTIONS, batch_invariant, known_options

from gmcore.nn.numpy_namespace import NumPyNamespace

OTHERS = ([0], [3], [1, 2], [6, 1, 3], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6])


@pytest.fixture(scope="module", params=["float32", "float64"])
def backend(request):
    return JAXBackend(dtype=request.param, device="cpu")


def products_and_sums(backend):
    """Return functions of three arrays and a number, each with a product inside a sum."""
    xp = backend.xp
    return {
        "one product": lambda a, b, c, k: xp.sqrt(xp.abs(a)) * k + 1e-8,
        "two products": lambda a, b, c, k: a * b + c * k,
        "a difference": lambda a, b, c, k: a - k * (b / (xp.abs(c) + 1) + k * a),
        "a power": lambda a, b, c, k: a**2 - b**3 + k,
        "in a loop": lambda a, b, c, k: xp.scan(
            lambda last, x: (last * x[0] + x[1] * k, None), a, (xp.stack([b, c]), xp.stack([c, b]))
        )[0],
        "in an inner program": lambda a, b, c, k: jax.jit(lambda x, y: x * y)(a, k) + b,
        "under a choice": lambda a, b, c, k: xp.where(a > 0, a * k, 0.0) + b,
        "a sum of squares": lambda a, b, c, k: xp.sum(xp.square(a - k) * b, axis=-1),
        "a normalisation": lambda a, b, c, k: (
            (a - xp.mean(a, -1, keepdims=True)) / xp.sqrt(xp.var(a, -1, keepdims=True) + 1e-5) * k + b
        ),
    }


@pytest.mark.parametrize("shape", [(8,), (3,), (2, 8), (17,)])
def test_a_product_in_a_sum_is_rounded_the_same_for_any_number_of_members(backend, shape):
    rng, formulas = np.random.default_rng(len(shape)), products_and_sums(backend)
    # Arrays of its own for each formula: none is fused with another one.
    arrays = {name: (*(rng.normal(size=(8, *shape)) for _ in range(3)), rng.normal(size=8)) for name in formulas}

    def run(arrays):
        return {name: backend.vmap(formula)(*arrays[name]) for name, formula in formulas.items()}

    program = backend.compile(run)
    whole = backend.to_numpy(program(arrays))
    for some in OTHERS:
        found = backend.to_numpy(program({name: tuple(array[some] for array in own) for name, own in arrays.items()}))
        for name, values in found.items():
            np.testing.assert_array_equal(values, whole[name][some], err_msg=f"{name}, members {some}")


def products_with_a_shared_matrix(xp):
    """Return functions of a member's rows and a shared matrix, `(1000, 300)`, whose products depend on all rows."""
    return {
        "rows first": xp.matmul,
        "matrix first": lambda x, w: xp.matmul(xp.permute_dims(w, (1, 0)), xp.permute_dims(x, (1, 0))),
        "rows with two axes": lambda x, w: xp.matmul(xp.reshape(x, (4, 4, 1000)), w),
        "twice": lambda x, w: xp.matmul(xp.tanh(xp.matmul(x, w)), xp.permute_dims(w, (1, 0))),
        "einsum": lambda x, w: xp.einsum("oi,bo->bi", w, x),
    }


@pytest.mark.parametrize("name", list(products_with_a_shared_matrix(JAXBackend(device="cpu").xp)))
def test_a_product_with_a_shared_matrix_and_its_gradient_are_the_same_for_any_number_of_members(backend, name):
    rng = np.random.default_rng(0)
    rows, matrix = rng.normal(size=(10, 16, 1000)), backend.asarray(rng.normal(size=(1000, 300)) / 30)
    formula = products_with_a_shared_matrix(backend.xp)[name]

    def total(rows, matrix):
        outputs = backend.vmap(formula, (0, None))(rows, matrix)
        return backend.xp.sum(backend.xp.square(outputs)), outputs

    def results(rows, matrix):
        (_, outputs), gradients = backend.value_and_grad(total)(rows, matrix)
        return outputs, gradients

    fleet = backend.compile(results, members=(0, None))
    whole = backend.to_numpy(fleet(rows, matrix))
    reference = products_with_a_shared_matrix(NumPyNamespace())[name](rows[4], backend.to_numpy(matrix))
    np.testing.assert_allclose(whole[0][4], reference, rtol=0, atol=2000 * np.finfo(backend.dtype).eps)
    for some in ([0], [4], [1, 2, 3]):
        for found, all_found in zip(backend.to_numpy(fleet(rows[some], matrix)), whole, strict=True):
            np.testing.assert_array_equal(found, all_found[some])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_sum_in_a_narrow_dtype_does_not_stop_growing(dtype):
    def repeated(x):
        return jax.numpy.sum(jax.numpy.broadcast_to(x, (4096,)).astype("float32"))

    # `jax.numpy.sum` widens by itself, the gradient of a broadcast does not.
    slope, one = batch_invariant(jax.grad(repeated)), jax.numpy.ones((), dtype)
    found = jax.jit(slope)(one)
    assert (found.dtype, float(found)) == (dtype, 4096.0)
    # XLA may widen, too, which is up to it.
    sums = [eqn for eqn in jax.make_jaxpr(slope)(one).eqns if eqn.primitive.name == "reduce"]
    assert {eqn.invars[0].aval.dtype.name for eqn in sums} == {"float32"}


def test_infinity_and_nan_are_kept_by_a_rounded_product(backend):
    values = np.array([np.inf, -np.inf, np.nan, 2.0])
    found = backend.to_numpy(backend.compile(lambda x: x * 1.5 + 1.0)(backend.asarray(values)))
    np.testing.assert_array_equal(found, [np.inf, -np.inf, np.nan, 4.0])


def test_an_unknown_compiler_option_is_left_out():
    (place,) = jax.local_devices(backend="cpu")[:1]
    with_unknown = {**COMPILER_OPTIONS, "xla_unknown_option": "true"}
    assert known_options(with_unknown, place) == known_options(COMPILER_OPTIONS, place)


def test_provenance_reports_batch_invariance():
    available = known_options(COMPILER_OPTIONS, jax.local_devices(backend="cpu")[0]) == COMPILER_OPTIONS
    found = JAXBackend(device="cpu").provenance()["batch_invariant"]
    assert found.startswith("true") if available else found.startswith("not guaranteed: this jaxlib lacks xla_")
    assert JAXBackend(device="cpu", batch_invariant=False).provenance()["batch_invariant"].startswith("false")
