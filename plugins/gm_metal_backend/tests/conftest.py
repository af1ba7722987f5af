"""Fixtures: backends on the CPU."""

import pytest
from gm_metal_backend import MetalBackend


@pytest.fixture(params=["float32", "float64"])
def backend(request):
    return MetalBackend(dtype=request.param, device="cpu")


@pytest.fixture
def exact():
    return MetalBackend(dtype="float64", device="cpu")
