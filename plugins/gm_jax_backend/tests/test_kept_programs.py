"""Programs compiled by XLA are cached on disk: same results, only this user's entries, and damage is not fatal."""

import json
import os
import subprocess
import sys

import pytest

COMPUTE = """
import json, sys
import numpy as np
import jax
from gm_jax_backend import JAXBackend
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name.endswith("/cache_hits")))
backend = JAXBackend(device="cpu")
xp = backend.xp
program = backend.compile(lambda x: xp.sum(xp.sin(xp.matmul(x, x)), axis=1), members=())
x = np.random.default_rng(0).normal(size=(64, 64))
found = backend.to_numpy(program(x))
print(json.dumps({"bits": found.tobytes().hex(), "hits": sum(hits)}))
"""


@pytest.fixture
def compute(tmp_path):
    """Return a call that computes in a new process, and returns its results and what it logged."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}

    def call(code=COMPUTE, **variables):
        variables = environment | {"XDG_CACHE_HOME": str(tmp_path)} | variables
        done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    return call


def entries(tmp_path):
    return sorted((tmp_path / "gmcore" / "jax").glob("*.sealed"))


def test_a_second_process_compiles_nothing_and_computes_the_same_bits(compute, tmp_path):
    first, _ = compute()
    kept = entries(tmp_path)
    second, log = compute()
    assert (first["hits"], first["bits"]) == (0, second["bits"])
    assert second["hits"] == len(kept) > 0
    assert entries(tmp_path) == kept
    assert log == ""


def test_a_damaged_program_is_compiled_again_with_one_line(compute, tmp_path):
    first, _ = compute()
    for path in entries(tmp_path):
        content = bytearray(path.read_bytes())
        content[-20] ^= 1
        path.write_bytes(content)
    second, log = compute()
    assert (second["hits"], second["bits"]) == (0, first["bits"])
    assert log.count("\n") == 1
    assert "is damaged or was not written by this user" in log
    assert compute()[0]["hits"] > 0


def test_without_a_folder_nothing_is_kept_and_it_computes_the_same(compute, tmp_path):
    first, _ = compute()
    (tmp_path / "file").write_text("")
    second, log = compute(XDG_CACHE_HOME=str(tmp_path / "file"))
    assert (second["hits"], second["bits"]) == (0, first["bits"])
    assert log.count("\n") == 1
    assert log.startswith("compiled programs are not kept: ")


def test_it_can_be_turned_off(compute, tmp_path):
    compute(GMCORE_KEEP_PROGRAMS="no")
    assert not (tmp_path / "gmcore" / "jax").exists()


def test_a_cache_that_is_configured_for_jax_is_used_instead(compute, tmp_path):
    compute(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "theirs"), JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0")
    assert list((tmp_path / "theirs").iterdir())
    assert not (tmp_path / "gmcore" / "jax").exists()


def test_what_others_compile_in_this_process_is_not_kept(compute, tmp_path):
    others = COMPUTE + "\njax.jit(lambda x: x * 3.0 + 1.0)(np.ones(7, np.float32)).block_until_ready()\n"
    compute()
    kept = entries(tmp_path)
    compute(others)
    assert entries(tmp_path) == kept


def test_a_cache_that_is_configured_later_gets_what_others_compile(compute, tmp_path):
    theirs = f"""
import jax
before = jax.config.jax_persistent_cache_min_compile_time_secs
{COMPUTE}
assert jax.config.jax_persistent_cache_min_compile_time_secs == before
jax.config.update("jax_compilation_cache_dir", {str(tmp_path / "theirs")!r})
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.jit(lambda x: x * 3.0 + 1.0)(np.ones(7, np.float32)).block_until_ready()
"""
    compute()
    kept = entries(tmp_path)
    compute(theirs)
    assert list((tmp_path / "theirs").iterdir())
    assert entries(tmp_path) == kept
