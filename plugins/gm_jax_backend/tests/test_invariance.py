"""A member's bits do not depend on how many there are, under this jaxlib too."""

import jax
import numpy as np
import pytest
from gm_jax_backend import JAXBackend
from gm_jax_backend.invariance import COMPILER_OPTIONS, known_options

OTHERS = ([0], [3], [1, 2], [6, 1, 3], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6])


@pytest.fixture(scope="module", params=["float32", "float64"])
def backend(request):
    return JAXBackend(dtype=request.param, device="cpu")


def products_and_sums(backend):
    """Return formulas of `(a, b, c, one number)`, each with a product that is added to something."""
    xp = backend.xp
    return {
        "one product": lambda a, b, c, k: xp.sqrt(xp.abs(a)) * k + 1e-8,
        "two products": lambda a, b, c, k: a * b + c * k,
        "a difference": lambda a, b, c, k: a - k * (b / (xp.abs(c) + 1) + k * a),
        "a power": lambda a, b, c, k: a**2 - b**3 + k,
        "under a choice": lambda a, b, c, k: xp.where(a > 0, a * k, 0.0) + b,
        "a sum of squares": lambda a, b, c, k: xp.sum(xp.square(a - k) * b, axis=-1),
        "a normalisation": lambda a, b, c, k: (
            (a - xp.mean(a, -1, keepdims=True)) / xp.sqrt(xp.var(a, -1, keepdims=True) + 1e-5) * k + b
        ),
    }


@pytest.mark.parametrize("shape", [(8,), (3,), (2, 8), (17,)])
@pytest.mark.parametrize("name", list(products_and_sums(JAXBackend(device="cpu"))))
def test_a_product_in_a_sum_is_rounded_alike_for_every_number_of_members(backend, name, shape):
    rng = np.random.default_rng(len(shape))
    arrays = (*(rng.normal(size=(8, *shape)) for _ in range(3)), rng.normal(size=8))
    formula = backend.compile(backend.vmap(products_and_sums(backend)[name]))
    whole = backend.to_numpy(formula(*arrays))
    for some in OTHERS:
        np.testing.assert_array_equal(backend.to_numpy(formula(*(array[some] for array in arrays))), whole[some])


def test_what_is_not_finite_passes_through_a_guarded_product(backend):
    values = np.array([np.inf, -np.inf, np.nan, 2.0])
    found = backend.to_numpy(backend.compile(lambda x: x * 1.5 + 1.0)(backend.asarray(values)))
    np.testing.assert_array_equal(found, [np.inf, -np.inf, np.nan, 4.0])


def test_a_compiler_option_that_this_jaxlib_lacks_is_left_away():
    (place,) = jax.local_devices(backend="cpu")[:1]
    with_one_more = {**COMPILER_OPTIONS, "xla_of_another_time": "true"}
    assert known_options(with_one_more, place) == known_options(COMPILER_OPTIONS, place)


def test_provenance_says_whether_invariance_was_asked_for_and_had():
    had = known_options(COMPILER_OPTIONS, jax.local_devices(backend="cpu")[0]) == COMPILER_OPTIONS
    said = JAXBackend(device="cpu").provenance()["batch_invariant"]
    assert said.startswith("true") if had else said.startswith("not assured: this jaxlib has no xla_")
    assert JAXBackend(device="cpu", batch_invariant=False).provenance()["batch_invariant"].startswith("false")
