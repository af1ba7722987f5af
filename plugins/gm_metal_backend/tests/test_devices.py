"""Device selection, and the reason given for each device that can't be used."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from gm_metal_backend import MetalBackend

from gmcore.errors import BackendUnavailableError


def _python(code, **environment):
    """Run `code` in a fresh interpreter, where MLX is not imported yet, and return the JSON that it prints."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MKL_CBWR", "KMP_BLOCKTIME", "MLX_ENABLE_TF32")
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_auto_is_the_best_available_device():
    usable = [device.name for device in MetalBackend.devices("float32") if device.available]
    assert MetalBackend().device == usable[0]
    assert MetalBackend(dtype="float64").device == "cpu"


def test_every_device_is_listed_best_first():
    for dtype in ("float32", "float64"):
        found = MetalBackend.devices(dtype)
        assert [device.name for device in found] == ["metal", "cuda", "cpu"]
        assert all(0 < cost < 10 for one in found for cost in (one.start, one.step, one.operation, one.element))
        assert [device.because for device in found] == [
            "MLX is Apple's own library",
            "it has a GPU",
            "it compiles nothing",
        ]


@pytest.mark.parametrize("device", ["metal", "cuda"])
def test_float64_is_available_only_on_the_cpu(device):
    with pytest.raises(BackendUnavailableError) as raised:
        MetalBackend(dtype="float64", device=device)
    assert f"MLX can't compute float64 on device '{device}'" in str(raised.value)
    assert "use device = 'cpu'" in str(raised.value)


@pytest.mark.parametrize("options", [{"dtype": "float16"}, {"device": "tpu"}])
def test_an_unknown_option_is_named(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=re.escape(f"{name} must be one of ") + f".*got '{value}'"):
        MetalBackend(**options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_device_that_cannot_be_used_is_refused_with_its_reason(dtype):
    absent = [device for device in MetalBackend.devices(dtype) if not device.available]
    for device in absent:
        with pytest.raises(BackendUnavailableError) as raised:
            MetalBackend(dtype=dtype, device=device.name)
        assert str(raised.value) == (
            f"MLX can't compute {dtype} on device {device.name!r}: {device.reason}; use device = 'cpu'"
        )
    assert absent


def test_a_device_of_another_platform_says_which_one_it_requires():
    reasons = {device.name: device.reason for device in MetalBackend.devices("float64")}
    if sys.platform == "darwin":
        assert reasons == {
            "metal": "MLX supports float64 only on the CPU",
            "cuda": "it requires Linux and an NVIDIA GPU",
            "cpu": "",
        }
    else:
        assert reasons == {
            "metal": "it requires a Mac with Apple silicon",
            "cuda": "MLX supports float64 only on the CPU",
            "cpu": "",
        }


def test_without_mlx_the_devices_say_what_to_install():
    found = _python(
        """
        import json, sys
        sys.modules["mlx"] = None
        from gm_metal_backend import MetalBackend
        from gmcore.errors import BackendUnavailableError
        reasons = [device.reason for device in MetalBackend.devices("float32") if device.name == "cpu"]
        try:
            MetalBackend()
        except BackendUnavailableError as error:
            reasons.append(str(error))
        print(json.dumps(reasons))
        """
    )
    assert all("MLX can't be imported" in reason and "pip install 'gm-metal-backend" in reason for reason in found)
    assert found[1].startswith("MLX can't compute float32 on device 'auto': ")


def test_importing_the_plugin_does_not_import_mlx():
    code = "import json, sys; import gm_metal_backend; print(json.dumps('mlx.core' in sys.modules))"
    assert _python(code) is False


TRAIN = """
import json
import numpy as np
from gm_metal_backend import MetalBackend
backend = MetalBackend(device="cpu")
step = backend.compile(lambda x: backend.xp.tanh(x * 3.0 + 1.0))
found = backend.to_numpy(step(step(backend.asarray(np.ones(3)))))
"""
SAY = "print(json.dumps([dict(backend.provenance()), backend.compilations, found.tolist()]))"

LIBRARIES = """
import ctypes, os, sys
backend.to_numpy(backend.xp.matmul(backend.asarray(np.ones((256, 256))), backend.asarray(np.ones((256, 256)))))
openmp = sys.prefix + "/lib/libiomp5.so"
blocktime = ctypes.CDLL(openmp).kmp_get_blocktime() if os.path.exists(openmp) else None
place = ""
if sys.platform == "linux":
    address = ctypes.cast(ctypes.CDLL(None).cblas_sgemm, ctypes.c_void_p).value
    for line in open("/proc/self/maps"):
        start, end = (int(bound, 16) for bound in line.split()[0].split("-"))
        place = line.split()[-1] if start <= address < end else place
print(json.dumps([dict(backend.provenance()), backend.compilations, blocktime, place]))
"""


@pytest.fixture(scope="module")
def plain():
    """Return provenance, compilations, MKL's milliseconds and the file of the BLAS, of a process without settings."""
    return _python(TRAIN + LIBRARIES)


@pytest.mark.skipif(sys.platform == "win32", reason="MLX uses another compiler on Windows")
def test_without_a_compiler_functions_run_uncompiled(tmp_path):
    provenance, compilations, found = _python(TRAIN + SAY, PATH=str(tmp_path))
    assert provenance["compile"].startswith("off: g++ is not installed")
    assert compilations == 0
    assert found == pytest.approx([0.99933] * 3, abs=1e-5)


def test_with_a_broken_compiler_functions_run_uncompiled(tmp_path):
    compiler = tmp_path / "g++"
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] || { echo broken; exit 1; }\n')
    compiler.chmod(0o755)
    provenance, compilations, _ = _python(TRAIN + SAY, PATH=f"{tmp_path}:/bin:/usr/bin", TMPDIR=str(tmp_path))
    assert provenance["compile"].startswith("off: g++ fails")
    assert compilations == 0


def test_provenance_lists_what_results_depend_on(plain):
    provenance, compilations, *_ = plain
    assert provenance["device"] == "cpu"
    assert provenance["compile"] == "on"
    assert compilations == 1
    assert provenance["MLX_ENABLE_TF32"] == "0"
    assert provenance["processor"]
    assert re.match(r"0\.\d+", provenance["mlx"])


def test_environment_variables_of_the_user_are_kept():
    provenance, _, _ = _python(TRAIN + SAY, MLX_ENABLE_TF32="1", MKL_CBWR="AVX2")
    assert provenance["MLX_ENABLE_TF32"] == "1"
    assert provenance["MKL_CBWR"] == "AVX2"


@pytest.mark.parametrize(
    ("tf32", "environment", "found"),
    [(True, "0", "1"), (False, "1", "0"), pytest.param(None, "1", "1", marks=pytest.mark.slow)],
)
def test_tf32_is_set_before_mlx_is_imported(tf32, environment, found):
    code = f"""
        import json
        from gm_metal_backend import MetalBackend
        print(json.dumps(MetalBackend(device="cpu", tf32={tf32}).provenance()["MLX_ENABLE_TF32"]))
        """
    assert _python(code, MLX_ENABLE_TF32=environment) == found


def test_tf32_requested_after_the_import_is_an_error_that_names_the_variable():
    code = """
        import json
        from gm_metal_backend import MetalBackend
        from gmcore.errors import BackendUnavailableError
        MetalBackend(device="cpu", tf32=False)
        MetalBackend(device="cpu", tf32=False)
        try:
            MetalBackend(device="cpu", tf32=True)
        except BackendUnavailableError as error:
            print(json.dumps(str(error)))
        """
    found = _python(code)
    assert "tf32 = true was requested, but MLX was imported in this process with MLX_ENABLE_TF32=0" in found
    assert "set MLX_ENABLE_TF32=1 before starting Python" in found


@pytest.mark.parametrize("compute", ["float64", "bfloat16"])
def test_a_compute_dtype_that_does_not_fit_the_dtype_is_rejected(compute):
    dtype = "float32" if compute == "float64" else "float64"
    with pytest.raises(BackendUnavailableError, match=compute):
        MetalBackend(dtype=dtype, compute=compute, device="cpu")


@pytest.mark.parametrize("option", ["dtype", "device", "compute"])
def test_an_option_with_another_value_is_refused_by_its_name(option):
    with pytest.raises(ValueError, match=option):
        MetalBackend(**{"device": "cpu", option: "float8"})


@pytest.mark.skipif(not list(Path(sys.prefix, "lib").glob("libiomp5.so")), reason="the mkl wheel is not installed")
def test_threads_of_mkl_spin_a_millisecond_after_a_product_unless_the_user_says_otherwise(plain):
    assert plain[2] == 1
    assert _python(TRAIN + LIBRARIES, KMP_BLOCKTIME="7")[2] == 7


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is a BLAS preloaded")
def test_provenance_names_the_blas_that_is_used(plain):
    provenance, *_, place = plain
    if provenance["blas"].startswith("MLX's own"):
        pytest.skip("no optimized BLAS is installed")
    assert re.search("libmkl_rt|libopenblas", provenance["blas"]).group() in place
    assert re.search(r"\d{4}\.\d|OpenBLAS \d", provenance["blas"])
    assert provenance["MKL_CBWR"] == "AUTO,STRICT"


def test_provenance_reports_that_mlx_was_imported_first(tmp_path):
    provenance, _, _ = _python(f"import mlx.core\n{TRAIN}{SAY}")
    if sys.platform == "linux":
        assert provenance["blas"].startswith("unknown: mlx was imported before")
