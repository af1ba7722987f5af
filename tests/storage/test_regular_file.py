"""Whole files are read; what is no file is refused, and never waited for."""

import os
import threading

import pytest

from gmcore.errors import InputError
from gmcore.storage.regular_file import read_regular


def test_a_fifo_is_refused_even_if_nobody_writes_to_it(tmp_path):
    path, said = tmp_path / "fifo", []
    os.mkfifo(path)

    def read():
        with pytest.raises(InputError) as caught:
            read_regular(path)
        said.append(str(caught.value))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout=10)
    assert said == [f"cannot read {path}: it is a device or FIFO, not a file"]


def test_a_folder_and_a_device_are_refused(tmp_path):
    with pytest.raises(InputError, match="it is a folder, not a file"):
        read_regular(tmp_path)
    with pytest.raises(InputError, match="it is a device or FIFO, not a file"):
        read_regular(type(tmp_path)("/dev/zero"))


def test_an_absent_file_is_told_from_one_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "absent")
    with pytest.raises(InputError, match="cannot read"):
        read_regular(tmp_path / ("x" * 300))
