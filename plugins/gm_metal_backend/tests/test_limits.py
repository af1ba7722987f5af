"""What MLX can't vectorise or differentiate raises an error that names it, or has a rule of ours: never wrong numbers.

If a newer MLX learns one of these, its numbers are checked instead.
"""

import mlx.core as mx
import numpy as np
import pytest
from gm_metal_backend import MetalBackend

from gmcore.domain import Variables
from gmcore.nn.layers import Dropout
from gmcore.ports import Pass

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(3, 4, 4))
POSITIVE = SQUARE @ SQUARE.transpose(0, 2, 1) + 4 * np.eye(4)
WEIGHT = mx.array(RNG.normal(size=(64, 64)).astype(np.float32))

# By name: the function, its argument for three members, and the names of MLX's operations that may be refused.
LINEAR_ALGEBRA = {
    "qr": (lambda x: mx.linalg.qr(x)[1], SQUARE, "QRF"),
    "lu": (lambda x: mx.linalg.lu(x)[2], SQUARE, "LUF"),
    "lu_factor": (lambda x: mx.linalg.lu_factor(x)[0], SQUARE, "LUF"),
    "inv": (mx.linalg.inv, POSITIVE, "Inverse"),
    "cholesky": (mx.linalg.cholesky, POSITIVE, "Cholesky"),
    "svd": (lambda x: mx.linalg.svd(x)[1], SQUARE, "SVD"),
    "eigvalsh": (mx.linalg.eigvalsh, POSITIVE, "Eigh"),
    "eigh": (lambda x: mx.abs(mx.linalg.eigh(x)[1])[..., 0], POSITIVE, "Eigh"),
    "eig": (lambda x: mx.abs(mx.linalg.eig(x)[1])[..., 0], POSITIVE, "Eig"),
    "solve": (lambda x: mx.linalg.solve(x, mx.ones((4, 2), x.dtype)), POSITIVE, "LUF|VJP"),
}


def refused(call, names):
    """Return the result of a call, or None if MLX raises an error with one of these names."""
    try:
        result = call()
        mx.eval(result)
    except (ValueError, RuntimeError) as error:
        if any(name in str(error) for name in names.split("|")):
            return None
        raise
    return result


@pytest.mark.parametrize("name", LINEAR_ALGEBRA)
def test_a_vectorised_decomposition_equals_one_by_one_or_is_refused_by_name(exact, name):
    function, members, names = LINEAR_ALGEBRA[name]
    stacked = exact.asarray(members)
    found = refused(lambda: exact.vmap(function)(stacked), names)
    if found is not None:
        alone = np.stack([exact.to_numpy(function(stacked[place])) for place in range(3)])
        assert exact.to_numpy(found) == pytest.approx(alone, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("name", LINEAR_ALGEBRA)
def test_the_gradient_of_a_decomposition_is_a_difference_quotient_or_refused_by_name(exact, name):
    function, members, names = LINEAR_ALGEBRA[name]

    def total(x):
        return mx.sum(mx.square(function(x))), None

    one = exact.asarray(members[0])
    found = refused(lambda: exact.value_and_grad(total)(one)[1], names)
    if found is not None:
        direction = POSITIVE[1]
        ahead, behind = (
            float(exact.to_numpy(total(exact.asarray(members[0] + step * direction))[0])) for step in (1e-6, -1e-6)
        )
        slope = float(np.sum(exact.to_numpy(found) * direction))
        assert slope == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("own", [False, True], ids=["one weight for all", "a weight each"])
def test_a_vectorised_product_of_quantised_weights_equals_one_by_one_or_is_refused_by_name(own):
    backend = MetalBackend(device="cpu")
    inputs = backend.asarray(RNG.normal(size=(3, 5, 64)))
    weights = [mx.quantize(WEIGHT * (place + 1 if own else 1), bits=4) for place in range(3)]
    stacked = tuple(mx.stack(parts) for parts in zip(*weights, strict=True))

    def product(x, *weight):
        return mx.quantized_matmul(x, *(weight or weights[0]), bits=4)

    arguments = (inputs, *stacked) if own else (inputs,)
    found = refused(lambda: backend.vmap(product)(*arguments), "QuantizedMatmul")
    if found is not None:
        alone = np.stack([backend.to_numpy(product(inputs[place], *weights[place])) for place in range(3)])
        assert backend.to_numpy(found) == pytest.approx(alone, rel=1e-4, abs=1e-4)


def test_each_member_has_its_own_dropout_mask(exact):
    """`mlx.nn.Dropout` under `vmap` would give all members one mask; the rule of ours is a key for each."""

    def member(key, x):
        at = Pass(xp=exact.xp, key=key, training=True)
        return Dropout(0.5).apply(Variables(buffers={"rate": mx.array(0.5)}), x, at)

    keys = exact.asarray(np.array([[1, 2], [3, 4]], np.uint32))
    first, second = exact.to_numpy(exact.vmap(member)(keys, exact.asarray(np.ones((2, 400)))))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", ["linalg", "quantized_matmul", *LINEAR_ALGEBRA])
def test_the_namespace_offers_none_of_what_has_no_rule_and_says_what_to_do(exact, name):
    wanted = f"the array namespace has no function '{name}'.*on the host with NumPy"
    with pytest.raises(AttributeError, match=wanted):
        getattr(exact.xp, name)
    assert not hasattr(exact.xp, name)
