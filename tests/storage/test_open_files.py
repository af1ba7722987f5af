"""No write or read leaves a file open, whether it succeeds or fails."""

import contextlib
from pathlib import Path

import attrs
import pytest

from gmcore.errors import GmcoreError
from gmcore.storage.array_file import ArrayFile
from gmcore.storage.epoch_log import forget_after
from gmcore.storage.files import alone_in, append, make_durable, make_folder, write_whole
from gmcore.storage.output_file import write_output
from gmcore.storage.regular_file import read_regular
from gmcore.storage.row_store import write_rows
from gmcore.storage.temporary import temporary_folder
from gmcore.testing import two_moons


def open_files():
    return len(list(Path("/dev/fd").iterdir()))


def broken():
    yield attrs.evolve(two_moons(3), targets=None)
    raise InterruptedError


def in_temporary_folder(folder):
    with temporary_folder(folder):
        pass


def locked(folder):
    with alone_in(folder), contextlib.suppress(GmcoreError), alone_in(folder):
        pass


def written(folder):
    file = ArrayFile(folder / "array.npy")
    file.append(two_moons(3).inputs["numeric"])
    file.close()
    file.abandon()


USES = {
    "write_whole": lambda folder: write_whole(folder / "file", b"content"),
    "write_whole over a folder": lambda folder: write_whole(folder / "sub", b"content"),
    "append": lambda folder: append(folder / "file", b"content"),
    "make_durable": lambda folder: make_durable(folder / "present"),
    "make_folder": lambda folder: make_folder(folder / "a" / "b"),
    "alone_in": locked,
    "write_output": lambda folder: write_output(folder / "file", b"content"),
    "write_output over a folder": lambda folder: write_output(folder / "sub", b"content"),
    "write_output in place": lambda folder: write_output(folder / "twin", b"content"),
    "write_output to a device": lambda _: write_output(Path("/dev/null"), b"content"),
    "read_regular": lambda folder: read_regular(folder / "present"),
    "read_regular of a folder": read_regular,
    "forget_after": lambda folder: forget_after(folder / "present", {}),
    "temporary_folder": in_temporary_folder,
    "array file": written,
    "rows": lambda folder: write_rows(folder / "rows", two_moons(3).blocks(2), {}),
    "rows that can't be read": lambda folder: write_rows(folder / "rows", broken(), {}),
}


@pytest.mark.parametrize("use", USES)
def test_no_file_is_left_open(use, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "present").write_text("content")
    (tmp_path / "twin").hardlink_to(tmp_path / "present")
    before = open_files()
    with contextlib.suppress(GmcoreError, InterruptedError):
        USES[use](tmp_path)
    assert open_files() == before
