"""Run folders: unique, complete, and valid JSON."""

import json
import shutil
from collections import UserDict

import pytest

from gmcore.errors import OutputError
from gmcore.storage.run_folder import RunFolder


def test_each_run_has_a_folder_of_its_own(tmp_path):
    folders = [RunFolder.create(tmp_path / "runs", "iris", config="seed = 1\n", provenance={}) for _ in range(3)]
    assert len({folder.path for folder in folders}) == 3
    assert (folders[0].path / "config.toml").read_text() == "seed = 1\n"
    assert json.loads((folders[0].path / "status.json").read_text()) == {"status": "running"}


def test_a_place_that_takes_no_folder_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file stands here")
    with pytest.raises(OutputError, match=r"cannot create a run folder in .*runs"):
        RunFolder.create(tmp_path / "runs", "iris", config="", provenance={})


class Removing(UserDict):
    """Facts that take so long to find that someone removes the run's folder meanwhile."""

    def keys(self):
        shutil.rmtree(self["runs"])
        return super().keys()


def test_a_run_folder_that_is_removed_while_it_is_created_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*provenance\.json: No such file or directory"):
        RunFolder.create(tmp_path / "runs", "iris", config="", provenance=Removing(runs=str(tmp_path / "runs")))
