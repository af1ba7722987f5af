"""The column that identifies rows, and rows without a target."""

import attrs
import numpy as np
import pytest
from gm_csv_data import CSVDataProvider

from gmcore.errors import DataError

TEXT = """key,size,colour,y
NA,1,red,1.5
007,2,NA,

,3,blue,2.5
None,4,blue,NA
"a, b",5,red,7
007,6,green,8.25
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(TEXT)
    return path


@pytest.fixture(params=[False, True], ids=["in memory", "cached"])
def provider(path, tmp_path, request):
    """Return a function that makes a provider of the file."""

    def make(**options):
        return CSVDataProvider(path=path, cache=request.param, cache_folder=tmp_path / "kept", **options)

    return make


def test_ids_are_the_texts_of_the_file_and_no_feature(provider):
    rows = provider(target="size", id="key", types={"y": "numeric"}).rows()
    assert rows.schema.id == "key"
    assert [feature.name for feature in rows.schema.features] == ["colour", "y"]
    assert rows.ids.tolist() == ["NA", "007", "", "None", "a, b", "007"]
    assert rows.take(np.array([4, 0])).ids.tolist() == ["a, b", "NA"]


def test_rows_to_predict_have_ids_if_the_file_has_them(provider, tmp_path):
    schema = provider(target="size", id="key", drop=["y"]).schema
    assert provider().rows_like(schema).ids.tolist() == ["NA", "007", "", "None", "a, b", "007"]
    assert provider().rows_like(attrs.evolve(schema, id=None)).ids is None
    (tmp_path / "new.csv").write_text("colour\nred\n")
    assert CSVDataProvider(path=tmp_path / "new.csv").rows_like(schema).ids is None


def test_ids_that_are_missing_or_occur_twice_are_told(provider, caplog):
    provider(target="size", id="key", drop=["y"]).rows()
    assert "column 'key': 1 of 6 ids are missing, the first in line 5" in caplog.text
    assert "column 'key': 1 id occurs more than once, such as '007' in line 3 and line 8" in caplog.text


def test_an_id_has_no_other_role(path):
    with pytest.raises(ValueError, match="only one role, got 'key' more than once in target, group, time, weight, id"):
        CSVDataProvider(path=path, target="y", id="key", group="key")


def test_a_text_too_long_for_an_id_is_refused(provider, path):
    path.write_text(f"key,a,y\nk,1,p\n{'k' * 201},2,q\n")
    with pytest.raises(DataError, match=r"line 3, column 'key': 'kkk.* has more than 200 characters"):
        provider(target="y", id="key").rows()


def test_rows_without_a_target_are_an_error_or_left_out_with_a_note(provider, caplog):
    with pytest.raises(
        DataError, match="2 of 6 values are missing, the first in line 3; set drop_missing_target = true"
    ):
        provider(target="y").rows()
    rows = provider(target="y", id="key", drop_missing_target=True, weight="size").rows()
    assert rows.targets[:, 0].tolist() == [1.5, 2.5, 7.0, 8.25]
    assert rows.weights.tolist() == [1.0, 3.0, 5.0, 6.0]
    assert rows.ids.tolist() == ["NA", "", "a, b", "007"]
    assert rows.schema.features[0].categories == ("blue", "green", "red")
    assert rows.inputs["categorical"][:, 0].tolist() == [3, 1, 3, 2]
    assert "left out 2 of 6 rows, which have no target, the first in line 3" in caplog.text
    assert "more than once" not in caplog.text  # one of the two rows is left out


def test_groups_and_times_of_rows_that_are_left_out_are_not_needed(path):
    path.write_text("g,t,a,y\nu,3,1,1.5\n,,2,\nv,1,3,2.5\n")
    data = CSVDataProvider(path=path, target="y", group="g", time="t", drop_missing_target=True)
    assert data.rows().groups.tolist() == [0, 1]
    assert data.rows().time.tolist() == [3.0, 1.0]
    assert data.metadata["rows"] == 2


def test_errors_name_the_lines_of_the_file_after_rows_were_left_out(provider, path, tmp_path):
    path.write_text(TEXT.replace("6,green", "six,green"))
    with pytest.raises(DataError, match="line 8, column 'size': 'six' is not a number"):
        provider(target="y", id="key", drop_missing_target=True, types={"size": "numeric"}).rows()
    (tmp_path / "data-2.csv").write_text("key,size,colour,y\nk,1,red,\nl,x,red,3\n")
    path.write_text(TEXT)
    both = CSVDataProvider(
        path=(path, tmp_path / "data-2.csv"), target="y", drop_missing_target=True, types={"size": "numeric"}
    )
    with pytest.raises(DataError, match=r"data-2\.csv, line 3, column 'size': 'x' is not a number"):
        both.rows()


def test_without_any_target_there_is_nothing_to_learn(provider, path):
    path.write_text("a,y\n1,\n2,NA\n")
    with pytest.raises(DataError, match="column 'y': the target is missing in every row"):
        provider(target="y", drop_missing_target=True).rows()
