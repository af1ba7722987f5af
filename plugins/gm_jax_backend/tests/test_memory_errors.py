"""What JAX raises where memory runs out: exact texts, and real errors of a process with a limit."""

import subprocess
import sys

import jax
import pytest
from gm_jax_backend import JAXBackend

from gmcore.errors import TrainingError
from gmcore.testing.backend_checks.memory import assert_knows_memory_errors

# As jaxlib 0.10.2 raised them on a CPU and 0.11.2 on an H100; the last one, of the CUDA driver, was not seen.
TEXTS = [
    "RESOURCE_EXHAUSTED: Out of memory allocating 16000000000 bytes.",
    "INTERNAL: Error dispatching computation: Out of memory allocating 16000000000 bytes.",
    "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 14.90GiB with allocator GPU_0_bfc on device 0.",
    "INTERNAL: Failed to instantiate CUDA graph: CUDA_ERROR_OUT_OF_MEMORY",
]


@pytest.fixture(scope="module")
def backend():
    return JAXBackend(device="cpu")


def test_errors_of_python_and_numpy_are_known(backend):
    assert_knows_memory_errors(backend)


@pytest.mark.parametrize("text", TEXTS)
def test_errors_of_the_library_are_known(backend, text):
    assert backend.is_out_of_memory(jax.errors.JaxRuntimeError(text))


def test_other_errors_are_not_about_memory(backend):
    assert not backend.is_out_of_memory(
        jax.errors.JaxRuntimeError("INVALID_ARGUMENT: Executable expected shape f32[3]")
    )
    assert not backend.is_out_of_memory(TrainingError(TEXTS[0]))


LIMITED = """
import resource
import numpy as np
from gm_jax_backend import JAXBackend

backend = JAXBackend(device="cpu")
xp, one = backend.xp, backend.asarray(np.ones((2, 1000, 1000), np.float32))
large = backend.compile(lambda x: xp.sum(x) + xp.zeros((4000, 1000, 1000)), members=())
large_of_fleet = backend.compile(lambda x: x[:, None] * xp.ones((1, 2000, 1, 1)), members=(0,))
total = backend.compile(lambda x: xp.sum(x))
backend.to_numpy(total(one))
used = int(open("/proc/self/status").read().split("VmSize:")[1].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), resource.RLIM_INFINITY))
for attempt in (
    lambda: backend.to_numpy(large(one)),
    lambda: backend.to_numpy(total(large(one))),
    lambda: backend.to_numpy(large_of_fleet(one)),
    lambda: backend.asarray(np.broadcast_to(np.float32(1), (4000, 1000, 1000))),
):
    try:
        attempt()
    except Exception as error:
        print(backend.is_out_of_memory(error), type(error).__name__)
    else:
        print("no error")
print(backend.to_numpy(total(one)))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process is Linux's")
def test_a_process_that_runs_out_of_memory_goes_on():
    """At a call, at a read, for a part of a fleet and for rows; to read what could not be computed is no crash."""
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False, timeout=300)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in lines] == ["True"] * 4 + ["2e+06"]
