"""The NumPy reference, and every installed backend."""

from importlib.metadata import entry_points

import numpy as np
import pytest

from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Pass
from gmcore.testing.layer_checks.rows import shape_of_rows

BACKENDS = entry_points(group="gmcore.backends")


@pytest.fixture
def xp():
    return NumPyNamespace("float64")


@pytest.fixture
def apply(xp):
    """Return a layer's outputs on the reference, in training if there is a key."""

    def outputs(layer, inputs, variables=None, *, key=None):
        if variables is None:
            variables = layer.init(np.random.default_rng(0), shape_of_rows(inputs))
        return layer.apply(variables, inputs, Pass(xp=xp, key=key, training=key is not None))

    return outputs


@pytest.fixture(params=[point.name for point in BACKENDS], scope="session")
def backend_class(request):
    return BACKENDS[request.param].load()


@pytest.fixture(params=["float32", "float64"], scope="session")
def backend(backend_class, request):
    return backend_class(dtype=request.param, device="cpu")


@pytest.fixture(scope="session")
def double(backend_class):
    return backend_class(dtype="float64", device="cpu")


@pytest.fixture(scope="session")
def program(backend):
    """Compile a function where that is fast: on JAX, but not on MLX, which calls the system's compiler."""
    return lambda fn: backend.compile(fn, loops=True)
