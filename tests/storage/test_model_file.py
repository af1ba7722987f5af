"""The model file: atomic, equal bytes for equal content, and foreign files are rejected."""

import json

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from gmcore.domain import Feature, Kind, Schema, Target, TargetKind, Tensor, Variables
from gmcore.errors import ModelFileError, OutputError
from gmcore.storage.model_file import read_model, write_model
from gmcore.storage.schema_header import schema_from

SCHEMA = Schema(
    features=(Feature(name="a"), Feature(name="b", kind=Kind.CATEGORICAL, categories=("x", "ü"))),
    target=Target(names=("t",), kind=TargetKind.BINARY, classes=("no", "yes")),
    group="g",
)
VARIABLES = Variables({"trunk": {"0": {"weight": np.arange(6.0).reshape(2, 3)}}}, {"seen": np.array([1, 0], np.int32)})


def written(path, variables=VARIABLES):
    write_model(path, variables, schema=SCHEMA, model={"use": "mlp", "hidden": [3]}, dtype="float64")
    return path


def test_a_model_comes_back_as_it_was(tmp_path):
    variables, header = read_model(written(tmp_path / "m.safetensors"))
    np.testing.assert_array_equal(variables.params["trunk"]["0"]["weight"], [[0, 1, 2], [3, 4, 5]])
    assert variables.buffers["seen"].dtype == np.int32
    assert schema_from(header) == SCHEMA
    assert header["model"] == {"use": "mlp", "hidden": [3]}


def test_a_schema_from_before_labels_had_a_dtype_has_labels_of_text():
    header = json.loads(json.dumps({"schema": attrs.asdict(SCHEMA)}))
    del header["schema"]["target"]["dtype"]
    assert schema_from(header) == SCHEMA


WITH_TENSOR = Schema(
    tensors=(Tensor(name="image", shape=(8, 8, 1), axes=("height", "width", "channel")),),
    target=Target(names=("t",), kind=TargetKind.REGRESSION, shape=(3,)),
)


def test_tensors_and_the_shape_of_the_target_come_back():
    assert schema_from(json.loads(json.dumps({"schema": attrs.asdict(WITH_TENSOR)}))) == WITH_TENSOR


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([1] * 64, "is too large"),
        ([2**31 - 1] * 2, "is too large"),
        ([8, 0], "must be sizes above 0"),
        ([8.0], "must be sizes above 0"),
        ([True], "must be sizes above 0"),
        (8, "must be a list"),
    ],
)
@pytest.mark.parametrize("place", ["tensor", "target"])
def test_a_shape_that_can_not_be_is_an_error(place, shape, message):
    header = json.loads(json.dumps({"schema": attrs.asdict(WITH_TENSOR)}))
    schema = header["schema"]
    (schema["target"] if place == "target" else schema["tensors"][0])["shape"] = shape
    with pytest.raises(ValueError, match=message):
        schema_from(header)


@pytest.mark.parametrize("dtype", ["int64", "V999999999", ["str"], 3])
def test_a_dtype_that_the_classes_do_not_have_is_an_error(dtype):
    header = json.loads(json.dumps({"schema": attrs.asdict(SCHEMA)}))
    header["schema"]["target"]["dtype"] = dtype
    with pytest.raises((TypeError, ValueError)):
        schema_from(header)


def test_its_trees_come_back_in_their_order(tmp_path):
    names = [f"{letter}{place}" for place, letter in enumerate("zqaymbxk")]
    params = {name: np.zeros(place + 1) for place, name in enumerate(names)}
    path = written(tmp_path / "m.safetensors", Variables(params))
    assert [list(read_model(path)[0].params) for _ in range(5)] == [names] * 5


@pytest.mark.parametrize("header", [[], "text", {"order": ["params.another"]}, {"order": 3}])
def test_a_header_that_is_none_of_ours_is_refused(tmp_path, header):
    save_file({"a": np.ones(3)}, tmp_path / "m.safetensors", metadata={"gmcore": json.dumps(header)})
    with pytest.raises(ModelFileError, match="is not a model file of gmcore"):
        read_model(tmp_path / "m.safetensors")


def test_equal_models_have_equal_bytes(tmp_path):
    one, other = (written(tmp_path / name).read_bytes() for name in ("a.safetensors", "b.safetensors"))
    assert one == other


@given(share=st.floats(0, 0.999))
@settings(max_examples=40, deadline=None)
def test_a_truncated_model_is_refused(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("cut")
    content = written(folder / "m.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="is not a model file of gmcore, or it is damaged"):
        read_model(folder / "cut.safetensors")


def test_a_foreign_file_is_refused(tmp_path):
    save_file({"a": np.ones(3)}, tmp_path / "foreign.safetensors")
    (tmp_path / "text.safetensors").write_text("hello, this is no model at all")
    for name in ("foreign", "text"):
        with pytest.raises(ModelFileError, match="is not a model file of gmcore"):
            read_model(tmp_path / f"{name}.safetensors")


def test_a_model_of_a_later_format_asks_for_a_later_version(tmp_path, monkeypatch):
    monkeypatch.setattr("gmcore.storage.model_file.FORMAT", 99)
    path = written(tmp_path / "m.safetensors")
    monkeypatch.undo()
    with pytest.raises(
        ModelFileError, match=r"by a later version of gmcore \(format 99; this version reads .*\): update gmcore"
    ):
        read_model(path)


def test_an_absent_model_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"nowhere\.safetensors: No such file"):
        read_model(tmp_path / "nowhere.safetensors")


def test_a_place_that_takes_no_file_is_an_output_error_and_leaves_nothing(tmp_path):
    (tmp_path / "m.safetensors").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        written(tmp_path / "m.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]
