"""The backend keeps to the port's contract, in both dtypes."""

from gm_metal_backend import MetalBackend

from gmcore.testing.backend import BackendContract


class TestMetalFloat32(BackendContract):
    def backend(self):
        return MetalBackend(dtype="float32", device="cpu")


class TestMetalFloat64(BackendContract):
    def backend(self):
        return MetalBackend(dtype="float64", device="cpu")
