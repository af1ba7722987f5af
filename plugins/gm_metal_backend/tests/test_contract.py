"""Contract tests of the backend for each dtype and compute dtype, and on a GPU if one is available."""

import pytest
from gm_metal_backend import MetalBackend

from gmcore.testing.backend import BackendContract

GPUS = [device.name for device in MetalBackend.devices("float32") if device.available and device.name != "cpu"]


class TestMetalFloat32(BackendContract):
    def backend(self):
        return MetalBackend(dtype="float32", device="cpu")


class TestMetalFloat64(BackendContract):
    def backend(self):
        return MetalBackend(dtype="float64", device="cpu")


class TestMetalBFloat16(BackendContract):
    def backend(self):
        return MetalBackend(compute="bfloat16", device="cpu")


class TestMetalFloat16(BackendContract):
    def backend(self):
        return MetalBackend(compute="float16", device="cpu")


@pytest.mark.skipif(not GPUS, reason="MLX finds no GPU")
class TestMetalOnAGPU(BackendContract):
    def backend(self):
        return MetalBackend(dtype="float32", device=GPUS[0])


@pytest.mark.skipif(not GPUS, reason="MLX finds no GPU")
class TestMetalBFloat16OnAGPU(BackendContract):
    def backend(self):
        return MetalBackend(compute="bfloat16", device=GPUS[0])


@pytest.mark.skipif(not GPUS, reason="MLX finds no GPU")
class TestMetalFloat16OnAGPU(BackendContract):
    def backend(self):
        return MetalBackend(compute="float16", device=GPUS[0])
