"""Convolution as products of matrices, on the NumPy namespace, in blocks and in one."""

import numpy as np
import pytest

from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.windows import Convolution, Patches, in_blocks

XP = NumPyNamespace()
RNG = np.random.default_rng(0)
OPTIONS = {"strides": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}
X, KERNEL = RNG.normal(size=(6, 7, 5, 4)), RNG.normal(size=(3, 2, 2, 6))
OF = Convolution.of(X.shape, KERNEL.shape, **OPTIONS)
OUTPUTS = RNG.normal(size=OF.outputs)


def unrolled(step, carry, xs):
    results = []
    for x in zip(*xs, strict=True):
        carry, result = step(carry, x)
        results.append(result)
    return carry, np.array(results)


@pytest.mark.parametrize("most_rows", [0, 7, 40])
@pytest.mark.parametrize("most_numbers", [1, 1500, 10**6])
def test_blocks_give_the_reference_and_its_transposes(most_numbers, most_rows):
    form = in_blocks(OF, XP, scan=unrolled, most_numbers=most_numbers, most_rows=most_rows)
    assert isinstance(form, Patches) == (most_numbers == 10**6)
    expected = XP.conv(X, KERNEL, **OPTIONS)
    np.testing.assert_allclose(form.outputs(X, KERNEL), expected, rtol=1e-12, atol=1e-12)
    # All three are the same sum of products, so that each scalar product with the third array is the same number.
    total = np.sum(expected * OUTPUTS)
    assert np.sum(form.inputs(KERNEL, OUTPUTS) * X) == pytest.approx(total, rel=1e-12)
    assert np.sum(form.kernel(X, OUTPUTS) * KERNEL) == pytest.approx(total, rel=1e-12)


def test_a_batch_of_no_rows_has_a_gradient_of_0():
    of = Convolution.of((0, *X.shape[1:]), KERNEL.shape, **OPTIONS)
    form = in_blocks(of, XP, scan=unrolled, most_numbers=100, most_rows=4)
    assert form.outputs(X[:0], KERNEL).shape == of.outputs
    assert not form.kernel(X[:0], OUTPUTS[:0]).any()


def test_a_transpose_may_be_longer_than_the_shortest():
    sizes = {
        Convolution.transposed(OUTPUTS.shape, KERNEL.shape, **OPTIONS, output_padding=(more, 0)).inputs
        for more in (0, 1)
    }
    assert sizes == {(6, 6, 5, 4), (6, 7, 5, 4)}
