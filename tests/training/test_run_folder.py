"""A run folder: new, whole, and readable by anything that reads JSON."""

import json

import numpy as np
import pytest

from gmcore.domain import EpochEnd
from gmcore.errors import OutputError
from gmcore.training.run_folder import RunFolder


def test_each_run_has_a_folder_of_its_own(tmp_path):
    folders = [RunFolder.create(tmp_path / "runs", "iris", config="seed = 1\n", provenance={}) for _ in range(3)]
    assert len({folder.path for folder in folders}) == 3
    assert (folders[0].path / "config.toml").read_text() == "seed = 1\n"
    assert json.loads((folders[0].path / "status.json").read_text()) == {"status": "running"}


def test_epochs_are_lines_of_json_without_nan(tmp_path):
    folder = RunFolder.create(tmp_path, "iris", config="", provenance={})
    for epoch in (1, 2):
        folder.log_epoch(
            EpochEnd(
                members=(0, 1),
                epoch=epoch,
                train_loss=np.array([0.5, np.nan]),
                stop_loss=np.array([np.nan, np.nan]),
                learning_rate=np.array([0.1, 0.1]),
                active=np.array([True, False]),
            )
        )
    lines = [json.loads(line) for line in (folder.path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert lines[1]["train_loss"] == [0.5, None]
    assert lines[1]["active"] == [True, False]


def test_a_place_that_takes_no_folder_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file stands here")
    with pytest.raises(OutputError, match=r"cannot make a run folder in .*runs"):
        RunFolder.create(tmp_path / "runs", "iris", config="", provenance={})
