"""The global JAX configuration is kept, and unavailable devices and precisions are errors."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from gm_jax_backend import JAXBackend

from gmcore.errors import BackendUnavailableError

WATCHED = ("jax_enable_x64", "jax_default_device", "jax_default_matmul_precision")


def settings():
    return [getattr(jax.config, name) for name in WATCHED]


def test_the_global_configuration_is_kept():
    before = settings()
    backend = JAXBackend(dtype="float64", device="cpu")
    x = backend.asarray(np.linspace(0, 1, 5))
    run = backend.compile(lambda x: backend.scan(lambda c, row, _: (c + row, c), x[0], x)[0], loops=True)
    assert backend.to_numpy(run(x)).dtype == np.float64
    assert settings() == before
    assert jax.numpy.ones(2).dtype == np.float32


def test_both_dtypes_work_in_one_process():
    single, double = (JAXBackend(dtype=dtype, device="cpu") for dtype in ("float32", "float64"))
    third = [backend.to_numpy(backend.xp.full((2,), 1 / 3)) for backend in (single, double, single)]
    assert [one.dtype.name for one in third] == ["float32", "float64", "float32"]
    assert third[1][0] == 1 / 3


def test_the_memory_of_a_donated_argument_is_used_again():
    backend = JAXBackend(device="cpu")
    given, kept = backend.asarray(np.ones(64)), backend.asarray(np.ones(64))
    backend.compile(lambda x, y: x + y, donate=(0,))(given, kept)
    assert (given.is_deleted(), kept.is_deleted()) == (True, False)


def test_a_donated_argument_whose_memory_fits_no_result_is_no_warning(recwarn):
    backend = JAXBackend(device="cpu")
    assert backend.to_numpy(backend.compile(backend.xp.sum, donate=(0,))(backend.asarray(np.ones(64)))) == 64
    assert not recwarn.list


def test_a_program_called_with_its_own_results_is_compiled_once(caplog):
    backend = JAXBackend(device="cpu")
    fn = backend.compile(lambda tree: {"zeros": backend.xp.zeros_like(tree["x"]), "x": tree["x"] + 1})
    tree = {"zeros": backend.xp.zeros((3,)), "x": backend.asarray(np.ones(3))}
    with jax.log_compiles(), caplog.at_level("WARNING"):
        for _ in range(3):
            tree = fn(tree)
    assert sum("Finished XLA compilation" in record.message for record in caplog.records) <= 1


def test_every_device_is_listed_with_its_costs_and_what_speaks_for_it():
    for dtype in ("float32", "float64"):
        found = JAXBackend.devices(dtype)
        assert {device.name for device in found} == {"tpu", "cuda", "cpu"}
        assert all(0 < cost < 10 for one in found for cost in (one.start, one.step, one.operation, one.element))
        usable = [device.available for device in found]
        assert usable == sorted(usable, reverse=True)
        assert all(device.because.startswith("whole epochs compile to one call") for device in found)


@pytest.mark.parametrize("device", ["cuda", "tpu"])
def test_an_unavailable_device_is_an_error_that_names_an_available_one(device):
    available = {one.name for one in JAXBackend.devices("float32") if one.available}
    if device in available:
        pytest.skip(f"{device} is available")
    with pytest.raises(BackendUnavailableError, match="cpu"):
        JAXBackend(device=device)


def test_float64_is_unavailable_on_a_tpu():
    (tpu,) = (one for one in JAXBackend.devices("float64") if one.name == "tpu")
    assert "float64" in tpu.reason


def test_provenance_reports_dtype_compute_and_tf32():
    found = JAXBackend(device="cpu", compute="bfloat16", tf32=True).provenance()
    assert (found["dtype"], found["compute"], found["tf32"]) == ("float32", "bfloat16", "true")


@pytest.mark.parametrize(
    ("dtype", "compute"), [("float64", "bfloat16"), ("float64", "float32"), ("float32", "float64")]
)
def test_a_compute_dtype_that_does_not_fit_the_dtype_is_rejected(dtype, compute):
    with pytest.raises(BackendUnavailableError, match=compute):
        JAXBackend(dtype=dtype, compute=compute, device="cpu")


@pytest.mark.parametrize("option", ["dtype", "compute"])
def test_an_option_with_another_value_is_refused_by_its_name(option):
    with pytest.raises(ValueError, match=option):
        JAXBackend(**{"device": "cpu", option: "float8"})


def test_a_jax_that_cannot_be_imported_is_one_error(tmp_path):
    (tmp_path / "jax.py").write_text("raise RuntimeError('jaxlib is version 0.1,\\n but this version needs 0.9')")
    code = "from gm_jax_backend import JAXBackend; JAXBackend(device='cpu')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1].endswith(
        "JAX can't be imported: jaxlib is version 0.1, but this version needs 0.9"
    )


def test_the_class_and_the_devices_of_a_machine_without_accelerators_need_no_jax():
    code = """
import sys
from gm_jax_backend import JAXBackend
devices = {one.name: one.available for one in JAXBackend.devices("float32")}
print("jax" in sys.modules, devices["cpu"], any(devices.values()) and not (devices["cuda"] or devices["tpu"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, has_cpu, has_nothing_else = done.stdout.split()
    assert has_cpu == "True"
    assert (imported == "False") == (has_nothing_else == "True")
