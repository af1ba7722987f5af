"""What a function of a namespace does without an optional argument is what the port's signature states."""

import inspect

import numpy as np
import pytest

from gmcore.domain.tree import tree_leaves
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Namespace

ARRAY = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
# What functions take besides one array.
POSITIONAL = {"top_k": (ARRAY, 2), "roll": (ARRAY, 1), "concat": ([ARRAY] * 2,), "stack": ([ARRAY] * 2,)}
DEFAULTS = [
    (name, parameter.name, parameter.default)
    for name, function in inspect.getmembers(Namespace, inspect.isfunction)
    for parameter in inspect.signature(function).parameters.values()
    if parameter.name in ("axis", "k") and parameter.default is not inspect.Parameter.empty
]


@pytest.mark.parametrize(("name", "argument", "default"), DEFAULTS)
def test_an_argument_that_is_left_out_has_the_ports_default(backend, name, argument, default):
    own = POSITIONAL.get(name, (ARRAY,))
    others = [one if isinstance(one, int) else backend.asarray(one) for one in own]
    expected = getattr(NumPyNamespace(), name)(*own, **{argument: default})
    for xp, positional in ((NumPyNamespace(), own), (backend.xp, others)):
        found = backend.to_numpy(getattr(xp, name)(*positional))
        for one, other in zip(tree_leaves(found), tree_leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5)
