"""What MLX raises where memory runs out, as exact texts: on a CPU it raises nothing, the process ends."""

import pytest
from gm_metal_backend import MetalBackend

from gmcore.errors import TrainingError
from gmcore.testing.backend_checks.memory import assert_knows_memory_errors

# As in the sources of MLX 0.32: the allocators of Metal and CUDA, a command buffer of Metal, a call of CUDA.
TEXTS = [
    "[malloc] Unable to allocate 1073741824 bytes.",
    "[metal::malloc] Attempting to allocate 103918075904 bytes which is greater than the maximum allowed buffer size.",
    "[metal::malloc] Resource limit (499000) exceeded.",
    "[METAL] Command buffer execution failed: Insufficient Memory (kIOGPUCommandBufferCallbackErrorOutOfMemory).",
    "cudaMallocAsync(&data, size, stream) failed: out of memory",
    "cudaGraphLaunch(graph_exec, stream()) failed: out of memory",
]


@pytest.fixture(scope="module")
def backend():
    return MetalBackend(device="cpu")


def test_errors_of_python_and_numpy_are_known(backend):
    assert_knows_memory_errors(backend)


@pytest.mark.parametrize("text", TEXTS)
def test_errors_of_the_library_are_known(backend, text):
    assert backend.is_out_of_memory(RuntimeError(text))


def test_other_errors_are_not_about_memory(backend):
    assert not backend.is_out_of_memory(RuntimeError("[matmul] Last dimension of first input must match"))
    assert not backend.is_out_of_memory(TrainingError(TEXTS[0]))
