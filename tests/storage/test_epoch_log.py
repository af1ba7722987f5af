"""The epoch log stays readable after crashes and full disks."""

import contextlib
import json
import resource

import attrs
import numpy as np
import pytest

from gmcore.domain import EpochEnd, OutOfMemory
from gmcore.errors import OutputError
from gmcore.storage.epoch_log import EpochLog, forget_after
from gmcore.storage.optional_writes import OptionalWrites


def log_at(path, on_error="stop", say=lambda _: None):
    return EpochLog(path=path, attempts=OptionalWrites(what="metrics", on_error=on_error, say=say))


def epoch(number, members=(0, 1)):
    return EpochEnd(
        members=members,
        epoch=number,
        train_loss=np.array([0.5, np.nan]),
        stop_loss=np.array([0.75, np.inf]),
        learning_rate=np.array([0.1, 0.2]),
        active=np.array([True, False]),
    )


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_epochs_are_lines_of_json_without_nan(tmp_path):
    log = log_at(tmp_path / "metrics.jsonl")
    for number in (1, 2):
        log.log(epoch(number))
    lines = lines_of(tmp_path / "metrics.jsonl")
    assert [line["epoch"] for line in lines] == [1, 2]
    assert lines[1] == {
        "epoch": 2,
        "members": [0, 1],
        "train_loss": [0.5, None],
        "stop_loss": [0.75, None],
        "learning_rate": [0.1, 0.2],
        "active": [True, False],
    }


def test_a_metric_is_named_after_the_rows_it_is_of(tmp_path):
    log = log_at(tmp_path / "metrics.jsonl")
    log.log(attrs.evolve(epoch(1), metrics={"accuracy": np.array([0.75, np.nan])}))
    assert lines_of(tmp_path / "metrics.jsonl")[0]["stop_accuracy"] == [0.75, None]


def test_what_will_be_trained_again_is_forgotten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = log_at(path)
    for number in (1, 2, 3):
        log.log(epoch(number, (0, 1)))
        log.log(epoch(number, (2,)))
    forget_after(path, {(0, 1): 2})
    assert [(line["epoch"], line["members"]) for line in lines_of(path)] == [(1, [0, 1]), (2, [0, 1])]


@pytest.mark.parametrize("torn", [b'{"epoch": 2, "mem', b"\0\0\0\0\0", b"\0\0\n", b"17\n", b"\xff\xfe\n"])
def test_a_torn_line_is_forgotten(tmp_path, torn):
    path = tmp_path / "metrics.jsonl"
    log_at(path).log(epoch(1))
    with path.open("ab") as file:
        file.write(torn)
    forget_after(path, {(0, 1): 9})
    assert [line["epoch"] for line in lines_of(path)] == [1]


def test_there_may_be_nothing_to_forget(tmp_path):
    forget_after(tmp_path / "metrics.jsonl", {})
    assert list(tmp_path.iterdir()) == []


def test_lines_that_found_no_place_come_with_the_next(tmp_path):
    (tmp_path / "logs").write_text("a file stands here")
    told = []
    log = log_at(tmp_path / "logs" / "metrics.jsonl", "continue", told.append)
    log.log(epoch(1))
    log.log(epoch(2))
    (tmp_path / "logs").unlink()
    (tmp_path / "logs").mkdir()
    log.log(epoch(3))
    assert [line["epoch"] for line in lines_of(tmp_path / "logs" / "metrics.jsonl")] == [1, 2, 3]
    assert len(told) == 2
    assert "the run continues without new metrics" in told[0]
    assert told[1] == "metrics can be written again"


def test_a_line_that_finds_no_place_ends_a_run_that_shall_stop(tmp_path):
    (tmp_path / "logs").write_text("a file stands here")
    with pytest.raises(OutputError, match="cannot write"):
        log_at(tmp_path / "logs" / "metrics.jsonl").log(epoch(1))


@contextlib.contextmanager
def no_file_longer_than(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_of_a_line_that_fits_in_part_nothing_is_left(tmp_path):
    path, told = tmp_path / "metrics.jsonl", []
    log = log_at(path, "continue", told.append)
    log.log(epoch(1))
    before = path.read_bytes()
    with no_file_longer_than(len(before) + 10):
        log.log(epoch(2))
        assert path.read_bytes() == before
    log.log(epoch(3))
    assert [line["epoch"] for line in lines_of(path)] == [1, 2, 3]
    assert "File too large" in told[0]


def test_the_epochs_of_a_chunk_that_is_trained_again_in_parts_are_forgotten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = log_at(path)
    for number in (1, 2):
        log.log(epoch(number, members=(0, 1)))
        log.log(epoch(number, members=(2, 3)))
    log.forget(OutOfMemory(members=(2, 3), tried=2, at_once=1))
    log.log(epoch(1, members=(2,)))
    assert [(line["epoch"], line["members"]) for line in lines_of(path)] == [(1, [0, 1]), (2, [0, 1]), (1, [2])]


def test_epochs_that_could_not_be_written_are_forgotten_too(tmp_path):
    path = tmp_path / "folder" / "metrics.jsonl"
    log = log_at(path, on_error="continue")
    log.log(epoch(1, members=(0, 1)))
    log.log(epoch(1, members=(2, 3)))
    log.forget(OutOfMemory(members=(2, 3), tried=2, at_once=1))
    path.parent.mkdir()
    log.log(epoch(1, members=(2,)))
    assert [line["members"] for line in lines_of(path)] == [[0, 1], [2]]


def test_nothing_is_forgotten_of_a_log_without_lines(tmp_path):
    log_at(tmp_path / "metrics.jsonl").forget(OutOfMemory(members=(0,), tried=1, at_once=1))
    assert list(tmp_path.iterdir()) == []
