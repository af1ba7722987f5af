"""Contract tests of the backend for each dtype and compute dtype, and on a GPU if one is available."""

import pytest
from gm_jax_backend import JAXBackend

from gmcore.testing.backend import BackendContract

GPUS = [device.name for device in JAXBackend.devices("float32") if device.available and device.name != "cpu"]


class TestJAXFloat32(BackendContract):
    def backend(self):
        return JAXBackend(dtype="float32", device="cpu")


class TestJAXFloat64(BackendContract):
    def backend(self):
        return JAXBackend(dtype="float64", device="cpu")


class TestJAXBFloat16(BackendContract):
    def backend(self):
        return JAXBackend(compute="bfloat16", device="cpu")


class TestJAXFloat16(BackendContract):
    def backend(self):
        return JAXBackend(compute="float16", device="cpu")


@pytest.mark.skipif(not GPUS, reason="JAX finds no GPU or TPU")
class TestJAXOnAGPU(BackendContract):
    def backend(self):
        return JAXBackend(dtype="float32", device=GPUS[0])


@pytest.mark.skipif(not GPUS, reason="JAX finds no GPU or TPU")
class TestJAXBFloat16OnAGPU(BackendContract):
    def backend(self):
        return JAXBackend(compute="bfloat16", device=GPUS[0])


@pytest.mark.skipif(not GPUS, reason="JAX finds no GPU or TPU")
class TestJAXFloat16OnAGPU(BackendContract):
    def backend(self):
        return JAXBackend(compute="float16", device=GPUS[0])
