"""Files that other versions of gmcore wrote: read with the same numbers, or refused by name with what to do.

The files in `files` were written by the versions that had these formats: models of three epochs on 60 rows, and the
checkpoints of their trainings.
"""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import gmcore
from gmcore.app.records import provenance, record
from gmcore.app.records.record import read_record
from gmcore.domain import CheckpointConfig
from gmcore.errors import FormatError, InputError, ModelFileError
from gmcore.storage import checkpoint, model_file
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.formats import in_present_format
from gmcore.storage.model_file import read_model
from gmcore.storage.schema_header import schema_from
from gmcore.storage.sealed import opened, sealed

FILES = Path(__file__).with_name("files")
ROWS = {"age": [70, 19, 44, 50], "income": [28.81, 25.18, np.nan, 31.5], "city": ["Genf", "Genf", "Bern", "Basel"]}
DATES = {"signed": np.array(["2021-01-10", "2024-05-16", "NaT", "2023-10-01"], "M8[D]")}
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "files.md"


def presented(found, readers):
    return in_present_format("x", found, present=4, readers=readers, what="the file", advice="make it again")


def test_each_step_to_the_present_format_is_taken_in_order():
    readers = {3: lambda text: text + "4", 2: lambda text: text + "3"}
    assert [presented(found, readers) for found in (2, 3, 4)] == ["x34", "x4", "x"]


@pytest.mark.parametrize(
    ("found", "readers", "said"),
    [
        (1, {}, "an older version of gmcore (format 1; this version reads format 4): make it again"),
        (
            1,
            {2: str, 3: str},
            "an older version of gmcore (format 1; this version reads formats 2 to 4): make it again",
        ),
        (
            1,
            {1: str, 3: str},
            "an older version of gmcore (format 1; this version reads formats 3 to 4): make it again",
        ),
        (5, {3: str}, "a later version of gmcore (format 5; this version reads formats 3 to 4): update gmcore"),
    ],
)
def test_a_format_that_cannot_be_read_is_refused_by_name(found, readers, said):
    with pytest.raises(FormatError) as caught:
        presented(found, readers)
    assert str(caught.value) == f"the file was written by {said}"


@pytest.mark.parametrize("found", ["4", 4.0, True, None, 0, -1, [4]])
def test_what_is_no_number_of_a_format_is_not_taken_for_another_version(found):
    with pytest.raises(ValueError, match="its format is ") as caught:
        presented(found, {3: str})
    assert not isinstance(caught.value, FormatError)


# --- models


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("model-format-2-first", ROWS, [0.56600338, 0.55395019, 0.55395019, 0.55395019]),
        ("model-format-2", ROWS | DATES, [0.67902762, 0.65072089, 0.65990925, 0.67836273]),
    ],
)
def test_a_model_of_format_2_predicts_what_its_own_version_predicted(name, rows, expected):
    model = gmcore.load(FILES / f"{name}.safetensors", backend="metal")
    np.testing.assert_allclose(model.predict_proba(rows)[:, 1], expected, rtol=1e-6)


def test_a_model_that_is_read_and_written_again_has_the_present_format(tmp_path):
    old, new = FILES / "model-format-2.safetensors", tmp_path / "new.safetensors"
    gmcore.load(old, backend="metal").save(new)
    opened(new.read_bytes(), key="gmcore", known=model_file.FORMAT, what="")
    (one, of_one), (other, of_other) = read_model(old), read_model(new)
    assert schema_from(of_one) == schema_from(of_other)
    np.testing.assert_array_equal(one.params["head"]["weight"], other.params["head"]["weight"])


def test_a_model_of_format_1_is_refused_by_name():
    path = FILES / "model-format-1.safetensors"
    said = f"was written by an older version of gmcore (format 1; this version reads formats 2 to {model_file.FORMAT})"
    with pytest.raises(FormatError, match=re.escape(f"{path} {said}: train it again, or load it with the version")):
        gmcore.load(path)


def test_a_damaged_model_of_an_earlier_format_is_refused(tmp_path):
    content = bytearray((FILES / "model-format-2.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match="its checksum does not match"):
        read_model(tmp_path / "model.safetensors")


# --- checkpoints


@pytest.mark.parametrize("number", [4, 5])
def test_a_checkpoint_of_an_earlier_format_is_refused_by_name(tmp_path, number):
    path = tmp_path / "chunk-00000-00000003-00000000.safetensors"
    shutil.copy(FILES / f"checkpoint-format-{number}.safetensors", path)
    with pytest.raises(FormatError) as caught:
        Checkpoints(folder=tmp_path, config=CheckpointConfig()).load(0)
    assert str(caught.value).startswith(
        f"the checkpoint {path} was written by an older version of gmcore (format {number}; this version reads format "
        f"{checkpoint.FORMAT}): use the version that wrote it, which the run's provenance.json names, or remove"
    )


def test_a_checkpoint_of_a_later_version_is_neither_passed_over_nor_removed(tmp_path):
    later = tmp_path / "chunk-00000-00000009-00000000.safetensors"
    shutil.copy(FILES / "checkpoint-format-5.safetensors", tmp_path / "chunk-00000-00000003-00000000.safetensors")
    later.write_bytes(b"".join(sealed({}, key="gmcore_checkpoint", about={"format": 99})))
    said = []
    store = Checkpoints(folder=tmp_path, config=CheckpointConfig(), say=said.append)
    with pytest.raises(FormatError, match=r"by a later version of gmcore \(format 99; .*\): update gmcore"):
        store.latest()
    assert said == []
    assert later.exists()


# --- run folders


def run_folder(path, **facts):
    (path / "provenance.json").write_text(json.dumps(facts))
    return path


def test_a_run_folder_of_an_earlier_format_is_refused_with_the_version_that_wrote_it(tmp_path):
    with pytest.raises(FormatError) as caught:
        read_record(run_folder(tmp_path, format=1, command="train", packages={"gmcore": "0.0.9"}))
    assert str(caught.value) == (
        f"the run {tmp_path} was written by an older version of gmcore (0.0.9, format 1; this version reads format "
        f"{provenance.FORMAT}): train with its config.toml again, or use the version that wrote it"
    )


def test_a_run_folder_of_a_later_format_asks_for_a_later_version(tmp_path):
    with pytest.raises(FormatError, match=r"a later version of gmcore \(format 99; .*\): update gmcore"):
        read_record(run_folder(tmp_path, format=99, packages=["?"]))


def test_a_run_folder_whose_format_is_no_number_is_damaged(tmp_path):
    with pytest.raises(InputError, match="is not a run folder, or it is damaged: its format is 'two'"):
        read_record(run_folder(tmp_path, format="two"))


# --- the page


@pytest.mark.parametrize(
    ("kind", "present", "readers"),
    [
        ("model", model_file.FORMAT, model_file.READERS),
        ("run folder", provenance.FORMAT, record.READERS),
        ("checkpoint", checkpoint.FORMAT, {}),
    ],
)
def test_the_page_of_files_lists_the_formats_that_are_read(kind, present, readers):
    assert sorted(readers) == list(range(min(readers, default=present), present))
    read = ", ".join(map(str, [*sorted(readers), present]))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text().splitlines()]
    assert [row[3] for row in rows if (row[0], *row[2:3]) == (kind, str(present))] == [read]
