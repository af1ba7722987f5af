"""A file or folder that can't be used is named with the system's reason."""

import re

import pytest

from gmcore.domain import CheckpointConfig
from gmcore.errors import InputError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.private import private_folder, user_key
from gmcore.storage.row_store import write_rows
from gmcore.storage.temporary import temporary_folder


def enter(folder):
    with temporary_folder(folder):
        pass


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda file: write_rows(file / "rows", [], {}), "cannot write rows to {}/rows: Not a directory"),
        (enter, "cannot write to {}: File exists"),
        (lambda file: private_folder(file, "kept"), "cannot write to {}/kept: Not a directory"),
        (user_key, "cannot write {}/key: Not a directory"),
        (lambda file: Checkpoints(folder=file, config=CheckpointConfig()).load(0), "cannot read {}: Not a directory"),
    ],
    ids=["rows", "a temporary folder", "a private folder", "the key", "checkpoints"],
)
def test_a_file_in_the_place_of_a_folder_is_named_with_the_reason(tmp_path, use, message):
    file = tmp_path / "file"
    file.write_text("no folder")
    with pytest.raises(InputError, match=f"^{re.escape(message.format(file))}$"):
        use(file)
