"""MLX compiles and loads kernels where no other user can have put any."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

VARIABLES = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")

COMPILE = """
from gm_metal_backend.library import load
print(load().uncompiled)
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Have a cache folder of the test's own, and no folder for temporary files."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is set back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def mode_of(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


@pytest.fixture
def used():
    """Return a call that has MLX use its own folder, in a new process, and returns what the code prints then."""

    def call(code="", *, before="", **changes):
        environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | changes
        done = subprocess.run(
            [sys.executable, "-c", before + COMPILE + code],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines(), done.stderr

    return call


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory):
    """Return a cache folder to copy, with the kernels of a process that has ended."""
    cache = tmp_path_factory.mktemp("compiled")
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-c", COMPILE]
    done = subprocess.run(
        command, env=environment | {"XDG_CACHE_HOME": str(cache)}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return cache, done.stdout.strip()


@pytest.fixture
def filled(compiled_once, tmp_path):
    """Have a cache folder with the kernels of an earlier process."""
    cache, uncompiled = compiled_once
    if uncompiled:
        pytest.skip(f"MLX does not compile here: {uncompiled}")
    shutil.copytree(cache, tmp_path / "cache")


WHERE = "\nimport os; print(os.environ.get('TEMPDIR'), os.environ.get('TMPDIR'), __import__('tempfile').gettempdir())"
COMPILED = """
import os, pathlib
compiled = [path.name for path in pathlib.Path(os.environ["TEMPDIR"]).rglob("*.cpp")]
print(len(compiled))
"""


def kept(tmp_path):
    return sorted((tmp_path / "cache" / "gmcore" / "mlx").glob("*.sealed"))


def test_it_is_a_new_one_in_the_users_cache_and_removed_at_exit(used, tmp_path):
    before = os.umask(0)
    try:
        (_, where), log = used(WHERE + "\nassert os.stat(os.environ['TEMPDIR']).st_mode & 0o777 == 0o700")
    finally:
        os.umask(before)
    folder = Path(where.split()[0])
    assert folder.parent == tmp_path / "cache" / "gmcore" / "mlx" / "processes"
    assert not folder.exists()
    assert mode_of(tmp_path / "cache" / "gmcore" / "mlx") == 0o700
    assert log == ""


@pytest.mark.usefixtures("filled")
def test_python_keeps_its_temporary_folder(used, tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    (_, where), _ = used(WHERE, TMPDIR=str(tmp_path / "shared"))
    tempdir, tmpdir, pythons = where.split()
    assert tempdir == "None"
    assert Path(tmpdir).parent == tmp_path / "cache" / "gmcore" / "mlx" / "processes"
    assert pythons == str(tmp_path / "shared")


UNFUSED = """
import os, pathlib
import numpy as np
from gm_metal_backend import MetalBackend
backend = MetalBackend(device="cpu", fused={fused})
program = backend.compile(lambda x: backend.xp.exp(x * 2.0) + 1.0)
print(backend.to_numpy(program(backend.asarray(np.ones(3)))).round(3).tolist(), backend.provenance()["compile"])
print(len([one for one in pathlib.Path(os.environ["TEMPDIR"]).rglob("*.so")]))
"""


def test_without_fusion_programs_are_compiled_without_any_kernel():
    results = {}
    for fused in (False, True):
        done = subprocess.run(
            [sys.executable, "-c", UNFUSED.format(fused=fused)], capture_output=True, text=True, check=True
        )
        numbers, kernels = done.stdout.splitlines()
        results[fused] = (*numbers.split("] "), int(kernels))
    if results[True][1] != "on":
        pytest.skip(f"MLX does not compile here: {results[True][1]}")
    assert results[False][:2] == (results[True][0], "on, without fusion")
    assert results[True][2] > results[False][2] == 0


LINKS = """
import pathlib
kernels = list(pathlib.Path(os.environ["TEMPDIR"]).rglob("*.so"))
print(len(kernels), sum(path.stat().st_nlink == 2 for path in kernels))
"""
WITHOUT_LINKS = """
import os
def link(*_, **__):
    raise PermissionError("no hard links")
os.link = link
"""


@pytest.mark.usefixtures("filled")
def test_kernels_are_kept_between_processes_and_take_no_space_of_their_own(used, tmp_path):
    before = kept(tmp_path)
    (_, compiled, counts), log = used(COMPILED + LINKS)
    kernels, links = counts.split()
    assert (compiled, kernels) == ("0", links)
    assert int(kernels) > 0
    assert before == kept(tmp_path) != []
    assert log == ""


@pytest.mark.usefixtures("filled")
def test_without_hard_links_kernels_are_copied(used):
    (_, compiled, counts), log = used(COMPILED + LINKS, before=WITHOUT_LINKS)
    kernels, links = counts.split()
    assert (compiled, links) == ("0", "0")
    assert int(kernels) > 0
    assert log == ""


SECOND = """
import pathlib, subprocess, sys, time
from gm_metal_backend import MetalBackend
import numpy as np
backend = MetalBackend(device="cpu")
def compute():
    return backend.to_numpy(backend.compile(lambda x: backend.xp.tanh(x * 2.0) - 1.0)(backend.asarray(np.ones(3))))
def compiled():
    return len(list(pathlib.Path(os.environ["TEMPDIR"]).rglob("*.cpp")))
"""
FIRST = f"""
import os
{SECOND}
compute()
until = time.monotonic() + 60
while time.monotonic() < until and len(list(pathlib.Path(sys.argv[1]).glob("*.sealed"))) < compiled():
    time.sleep(0.1)
    compute()
command = [sys.executable, "-c", "import os\\n" + SECOND + "compute(); print(compiled())"]
other = subprocess.run(command, capture_output=True, text=True)
print(compiled(), other.stdout.strip(), other.stderr)
"""


@pytest.mark.slow
def test_a_process_that_goes_on_shares_its_kernels(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    kept_folder = tmp_path / "cache" / "gmcore" / "mlx"
    code = f"SECOND = {SECOND!r}\n{FIRST}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(kept_folder)], env=environment, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.split()
    assert (int(first) > 0, second) == (True, "0")


@pytest.mark.usefixtures("filled")
def test_a_damaged_kernel_is_compiled_again_with_one_line(used, tmp_path):
    for path in kept(tmp_path):
        os.truncate(path, path.stat().st_size // 2)
    (uncompiled, compiled), log = used(COMPILED)
    assert uncompiled == ""
    assert int(compiled) > 0
    assert log.count("\n") == 1
    assert "is damaged or was not written by this user" in log


CUT = """
import os, pathlib
for path in list(pathlib.Path(os.environ["TEMPDIR"]).rglob("*.so")):
    path.with_name("part.so").write_bytes(path.read_bytes()[:-1000])
"""


def test_a_kernel_of_which_the_end_is_missing_is_not_kept(used, tmp_path):
    used(CUT)
    names = [path.read_bytes()[-400:] for path in kept(tmp_path)]
    assert names
    assert not any(b"part.so" in name for name in names)


def test_keeping_can_be_turned_off(used, tmp_path):
    used(GMCORE_KEEP_PROGRAMS="no")
    assert kept(tmp_path) == []


def others_can_exchange_it(cache):
    cache.chmod(0o777)


def someone_else_owns_it(cache):
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    for name in ("mlx", f"mlx-{os.geteuid()}"):
        (cache / "gmcore" / name).mkdir(parents=True)
        os.chown(cache / "gmcore" / name, 12345, 12345)


def it_is_a_file(cache):
    (cache / "gmcore").write_text("")


@pytest.mark.parametrize(
    "spoil", [others_can_exchange_it, someone_else_owns_it, pytest.param(it_is_a_file, marks=pytest.mark.slow)]
)
def test_a_cache_that_others_may_have_written_is_not_used(spoil, used, tmp_path):
    (tmp_path / "cache").mkdir()
    spoil(tmp_path / "cache")
    (uncompiled, where), log = used(WHERE)
    folder = Path(where.split()[0])
    assert folder.parent == Path(tempfile.gettempdir())
    assert folder.name.startswith("gmcore-mlx-")
    assert not folder.exists()
    assert uncompiled == ""
    assert log.count("\n") == 1
    assert log.startswith("compiled programs are not kept: ")


def test_without_a_home_a_new_folder_is_used_and_removed(used):
    (_, where), _ = used(WHERE, HOME="/dev/null", XDG_CACHE_HOME="")
    folder = Path(where.split()[0])
    assert folder.name.startswith("gmcore-mlx-")
    assert not folder.exists()


@pytest.mark.usefixtures("filled")
def test_what_a_killed_process_has_left_is_removed_by_the_next(used, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    code = COMPILE + "\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    processes = tmp_path / "cache" / "gmcore" / "mlx" / "processes"
    assert list(processes.iterdir())
    used()
    assert not list(processes.iterdir())


def test_without_any_safe_folder_functions_run_uncompiled():
    code = "from gm_metal_backend import library\nlibrary.use_own_folder = lambda: 'no folder is safe'\n"
    code += "print(library.load().uncompiled)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "no folder is safe\n"
