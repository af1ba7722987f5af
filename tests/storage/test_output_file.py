"""Output where the user asked for it: devices, FIFOs, links and modes stay, and other files are left alone."""

import os
import stat
import threading
from pathlib import Path

import pytest

from gmcore.errors import OutputError
from gmcore.storage.files import write_whole
from gmcore.storage.output_file import write_output


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_usual_mode_and_nothing_else_is_left(tmp_path):
    before = os.umask(0o027)
    try:
        write_output(tmp_path / "new", [b"one ", b"two"])
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"one two"
    assert mode_of(tmp_path / "new") == 0o640
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666, 0o750])
def test_a_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "file"
    path.write_text("a longer old content")
    path.chmod(mode)
    write_output(path, b"new")
    assert (path.read_bytes(), mode_of(path)) == (b"new", mode)


def test_a_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("old")
    (tmp_path / "link").symlink_to("elsewhere/file")
    (tmp_path / "dangling").symlink_to("elsewhere/other")
    for name, target in (("link", "file"), ("dangling", "other")):
        write_output(tmp_path / name, b"new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "elsewhere" / target).read_bytes() == b"new"


def test_other_names_of_a_file_show_the_new_content(tmp_path):
    (tmp_path / "one").write_text("a longer old content")
    os.link(tmp_path / "one", tmp_path / "other")
    write_output(tmp_path / "one", b"new")
    assert (tmp_path / "other").read_bytes() == b"new"


def test_files_of_others_are_left_alone(tmp_path):
    names = {".x.part", ".out.1-2.part", ".gmcore-0.part"}
    for name in names:
        (tmp_path / name).write_text("mine")
    write_output(tmp_path / "out", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {*names, "out"}


def test_a_fifo_is_written_as_a_stream(tmp_path):
    path, got = tmp_path / "fifo", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write_output(path, b"rows")
    reader.join()
    assert got == [b"rows"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_device_is_written_as_a_stream():
    write_output(Path("/dev/null"), b"rows")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_standard_output_is_appended_to_where_it_stands(tmp_path, capfd):
    os.write(1, b"before ")
    write_output(Path("/dev/stdout"), b"rows")
    assert capfd.readouterr().out == "before rows"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/dev/full", "No space left on device"),
        ("loop", "Too many levels of symbolic links"),
        ("folder", "Is a directory"),
        ("absent/file", "No such file or directory"),
        ("a\0b", r"cannot write .*a\\x00b: embedded null byte"),
        ("n" * 300, "File name too long"),
    ],
)
def test_what_takes_no_output_is_an_output_error_and_nothing_is_left(tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match=message):
        write_output(tmp_path / name, b"rows")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "loop"]
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    def parts():
        yield b"one "
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_text("old")
    with pytest.raises(OutputError, match=r"cannot write .*file: No space left on device"):
        write_output(tmp_path / "file", parts())
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "old"}


def test_a_file_being_written_to_a_run_folder_is_not_cleared_away(tmp_path):
    def parts():
        yield b"one "
        write_whole(tmp_path / "status.json", b"{}")  # which removes what killed processes left
        yield b"two"

    write_output(tmp_path / "model", parts())
    assert (tmp_path / "model").read_text() == "one two"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_of_another_user_stays_theirs(tmp_path):
    path = tmp_path / "file"
    path.write_text("a longer old content")
    os.chown(path, 12345, 12345)
    before = path.stat()
    write_output(path, b"new")
    assert path.read_bytes() == b"new"
    after = path.stat()
    assert (after.st_ino, after.st_uid, after.st_gid) == (before.st_ino, 12345, 12345)
