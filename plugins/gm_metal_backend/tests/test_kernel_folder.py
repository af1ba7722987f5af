"""MLX compiles and loads kernels where no other user can have put any."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from gm_metal_backend.kernel_folder import use_own_folder

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


def test_it_is_in_the_users_cache_and_nobody_elses(tmp_path):
    before = os.umask(0)
    try:
        assert use_own_folder() == ""
    finally:
        os.umask(before)
    assert os.environ["TEMPDIR"] == str(tmp_path / "cache" / "gmcore" / "mlx")
    assert mode_of(os.environ["TEMPDIR"]) == mode_of(tmp_path / "cache") == 0o700


def test_python_keeps_its_temporary_folder(monkeypatch, tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "shared"))
    assert use_own_folder() == ""
    assert os.environ["TMPDIR"] == str(tmp_path / "cache" / "gmcore" / "mlx")
    assert tempfile.gettempdir() == str(tmp_path / "shared")
    assert "TEMPDIR" not in os.environ


def test_a_temporary_folder_of_the_users_own_stays(monkeypatch, tmp_path):
    (tmp_path / "own").mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "own"))
    assert use_own_folder() == ""
    assert os.environ["TMPDIR"] == str(tmp_path / "own")
    assert not (tmp_path / "cache").exists()


def others_can_write(folder):
    folder.chmod(0o777)


def others_can_exchange_it(folder):
    folder.parent.chmod(0o777)


def it_is_a_link(folder):
    folder.rename(folder.with_name("away"))
    folder.symlink_to("/tmp")  # noqa: S108 - a folder that others write to


def it_is_a_file(folder):
    folder.rmdir()
    folder.write_text("")


def a_kernel_is_a_link(folder):
    (folder / "mlx").mkdir()
    (folder / "mlx" / "lib.so").symlink_to("elsewhere.so")


def someone_else_owns_it(folder):
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    os.chown(folder, 12345, 12345)


def a_kernel_is_someone_elses(folder):
    if os.geteuid():
        pytest.skip("only root can give a file away")
    (folder / "mlx").mkdir()
    (folder / "mlx" / "lib.so").write_text("")
    os.chown(folder / "mlx" / "lib.so", 12345, 12345)


@pytest.mark.parametrize(
    "spoil",
    [
        others_can_write, others_can_exchange_it, it_is_a_link, it_is_a_file, a_kernel_is_a_link, someone_else_owns_it,
        a_kernel_is_someone_elses,
    ],
)  # fmt: skip
def test_a_folder_that_others_may_have_written_is_not_used_but_a_new_one(spoil, tmp_path):
    folder = tmp_path / "cache" / "gmcore" / "mlx"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    spoil(folder)
    assert use_own_folder() == ""
    new = Path(os.environ["TEMPDIR"])
    assert new.parent == Path(tempfile.gettempdir())
    assert new.name.startswith("gmcore-mlx-")
    assert mode_of(new) == 0o700
    new.rmdir()


def test_without_a_home_a_new_folder_is_used_and_removed():
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    environment["HOME"] = "/dev/null"
    code = f"{COMPILE}\nimport os; print(os.environ['TEMPDIR'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert Path(done[-1]).name.startswith("gmcore-mlx-")
    assert not Path(done[-1]).exists()


def test_kernels_are_compiled_there_and_nowhere_else(tmp_path):
    (tmp_path / "cache").mkdir(mode=0o700)
    done = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, check=True)
    if done.stdout.strip():
        pytest.skip(f"MLX does not compile here: {done.stdout}")
    assert list((tmp_path / "cache" / "gmcore" / "mlx" / "mlx").rglob("*.so"))
