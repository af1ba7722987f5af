"""Everything in a model file is checked when it is loaded, also where its checksum is right."""

import json
import os
import re

import numpy as np
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.errors import DataError, ModelFileError
from gmcore.storage.model_file import FORMAT
from gmcore.storage.sealed import opened, sealed
from gmcore.training import predict

BACKEND = {"use": "jax", "device": "cpu"}


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(0)
    return {
        "a": rng.normal(size=60),
        "c": np.array(["red", "green", "blue"] * 20),
        "d": np.array(["x", "y"] * 30),
        "when": [f"{day % 28 + 1}.1.2024" for day in range(60)],
    }


@pytest.fixture(scope="module", params=["one_hot", "embedding"])
def saved(request, columns, tmp_path_factory):
    """Train a small model with two categorical columns; return its file."""
    done = gmcore.train(
        columns,
        columns["a"] > 0,
        model={"use": "mlp", "hidden": [4], "embedding": request.param},
        training={"max_epochs": 2},
        backend=BACKEND,
    )
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    done.model.save(path)
    return path


@pytest.fixture
def edited(saved, tmp_path):
    """Return a copy of the model's file after a change of its arrays and its header, with a checksum that is right."""

    def edit(change):
        arrays, header = opened(saved.read_bytes(), key="gmcore", known=FORMAT, what="")
        change(arrays, header)
        path = tmp_path / "edited.safetensors"
        path.write_bytes(b"".join(sealed(arrays, key="gmcore", about={**header, "format": FORMAT})))
        return path

    return edit


def put(name, place, value):
    def change(arrays, _):
        (full,) = (one for one in arrays if one.endswith(name))
        arrays[full] = arrays[full].copy()
        arrays[full][place] = value

    return change


def test_an_unchanged_file_loads_and_predicts_the_same(saved, edited, columns):
    path = edited(lambda *_: None)
    assert path.read_bytes() == saved.read_bytes()
    model, other = gmcore.load(path, backend=BACKEND), gmcore.load(saved, backend=BACKEND)
    np.testing.assert_array_equal(model.predict(columns), other.predict(columns))


def test_a_file_from_before_dates_had_a_format_loads(edited, columns):
    def without(_, header):
        for feature in header["schema"]["features"]:
            del feature["date_format"]

    numbers = {**columns, "when": np.array(["2024-01-01"] * 60, "datetime64[D]")}
    gmcore.load(edited(without), backend=BACKEND).predict(numbers)


@pytest.mark.parametrize("value", [8, 5000, 2**31 - 1, -(2**31)])
def test_an_integer_that_indexes_outside_an_array_is_refused(saved, edited, value):
    arrays, header = opened(saved.read_bytes(), key="gmcore", known=FORMAT, what="")
    indices = [name for name in arrays if name.startswith("buffers.inputs.categorical.")]
    if header["model"]["embedding"] == "one_hot":
        indices.remove("buffers.inputs.categorical.place")  # which column each output is of: no index into an array
    assert indices
    for name in indices:
        with pytest.raises(ModelFileError, match="an integer in its arrays is out of range"):
            gmcore.load(edited(put(name, -1, value)), backend=BACKEND)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["trunk.0.weight", "head.bias", "numeric.0.fill"])
def test_a_number_that_is_not_finite_is_named(edited, name, value):
    with pytest.raises(ModelFileError, match=rf"{name} contains (NaN|infinity)"):
        gmcore.load(edited(put(name, 0, value)), backend=BACKEND)


def test_an_integer_that_does_not_fit_32_bits_is_refused(edited):
    def first_day(value):
        def change(arrays, _):
            (name,) = (one for one in arrays if one.endswith("first_day"))
            arrays[name] = np.full(arrays[name].shape, value, np.int64)

        return edited(change)

    for value in (2**31, -(2**31) - 1):
        with pytest.raises(ModelFileError, match=r"first_day contains numbers beyond 32 bits"):
            gmcore.load(first_day(value), backend=BACKEND)
    for value in (2**31 - 1, -(2**31)):
        gmcore.load(first_day(value), backend=BACKEND)


def test_shapes_dtypes_and_names_are_those_of_the_model(edited):
    def shorter(arrays, _):
        arrays["params.head.weight"] = arrays["params.head.weight"][:-1]

    def whole(arrays, _):
        arrays["params.head.bias"] = arrays["params.head.bias"].astype(np.int32)

    def without(arrays, header):
        del arrays["params.head.bias"]
        header["order"].remove("params.head.bias")

    def more(arrays, header):
        arrays["params.tail.bias"] = np.zeros(1)
        header["order"].append("params.tail.bias")

    for change, message in (
        (shorter, r"params\.head\.weight has shape"),
        (whole, r"params\.head\.bias has dtype int32"),
        (without, r"it lacks the array params\.head\.bias"),
        (more, r"its model has no array params\.tail\.bias"),
    ):
        with pytest.raises(ModelFileError, match=message):
            gmcore.load(edited(change), backend=BACKEND)


def test_a_model_that_a_file_claims_to_be_large_is_refused_before_anything_is_allocated(edited):
    def claim(_, header):
        header["model"]["hidden"] = [200_000, 200_000]

    with pytest.raises(ModelFileError, match=r"has shape|has no array|lacks the array"):
        gmcore.load(edited(claim), backend=BACKEND)


def header_with(**entries):
    return lambda _, header: header.update(entries)


def schema_with(part, **entries):
    def change(_, header):
        features = {"feature": 1, "date": 3}
        one = header["schema"]["features"][features[part]] if part in features else header["schema"][part]
        one.update(entries)

    return change


@pytest.mark.parametrize(
    "change",
    [
        schema_with("target", classes=["no"]),
        schema_with("target", classes=["no", "no"]),
        schema_with("target", classes=[["no"], "yes"]),
        schema_with("target", classes=[1, 2]),
        schema_with("target", names=[]),
        schema_with("feature", categories=3),
        schema_with("feature", categories="red"),
        schema_with("feature", categories=[{}]),
        schema_with("feature", name=None),
        schema_with("target", dtype=3),
        header_with(order=[["params.head.bias"]]),
        schema_with("feature", categories=[1, 2, 3]),
        schema_with("feature", name="a"),
        schema_with("feature", kind="odd"),
        schema_with("feature", date_format="%d.%m.%Y"),
        *(schema_with("date", date_format=one) for one in ("%Q", "", "%d.%m", "%Y" + "x" * 1000, 3, ["%Y"], {})),
        schema_with("date", categories=["2024-01-01"]),
        header_with(schema=[]),
        header_with(schema=3),
        header_with(dtype="float99"),
        header_with(dtype=["float32"]),
        header_with(precision="half"),
        header_with(model="mlp"),
        header_with(data=[]),
        header_with(seed="3"),
        header_with(seed=-1),
        header_with(seed=2**63),
        header_with(seed=1.0),
        header_with(seed=None),
        header_with(order=3),
        header_with(order=[]),
        lambda _, header: header.pop("model"),
        lambda _, header: header.pop("order"),
    ],
)
def test_a_header_that_describes_no_model_is_refused(edited, change):
    with pytest.raises(ModelFileError) as caught:
        gmcore.load(edited(change), backend=BACKEND)
    # Python's own texts about types say nothing about a file.
    assert not re.search("object|indices|hashable|not supported|NoneType", str(caught.value))


@pytest.mark.parametrize(
    ("kind", "count"), [("binary", 1), ("binary", 3), ("multiclass", 1), ("multiclass", 0), ("regression", 1)]
)
def test_a_target_has_as_many_classes_as_its_kind_allows(edited, kind, count):
    change = schema_with("target", kind=kind, classes=["true", "no", "yes"][:count], dtype="str")
    with pytest.raises(ModelFileError, match=f"its target has {count} classes, but is {kind}"):
        gmcore.load(edited(change), backend=BACKEND)


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
@pytest.mark.parametrize("precision", [None, "float32", "bfloat16", "float16"])
def test_a_header_with_the_smallest_and_largest_seed_and_every_precision_loads(edited, seed, precision):
    assert gmcore.load(edited(header_with(seed=seed, precision=precision)), backend=BACKEND).seed == seed


def test_predictions_that_are_no_numbers_are_an_error(edited, columns):
    def change(arrays, header):
        put("trunk.0.weight", 0, 3e38)(arrays, header)
        put("head.weight", slice(None), [[1.0], [-1.0]] * 2)(arrays, header)  # infinity less infinity

    model = gmcore.load(edited(change), backend=BACKEND)
    numbers = predict(model.backend, model.model, model.variables, ArrayData(columns).rows_like(model.schema))
    odd = np.flatnonzero(np.isnan(numbers).any(axis=1))
    assert 0 < len(odd) < 60
    assert odd[0] > 0
    message = f"predictions of {len(odd)} of 60 rows are NaN or infinite, the first of row {odd[0] + 1}:"
    with pytest.raises(DataError, match=message):
        model.predict(columns)


def test_components_of_other_distributions_than_those_recorded_are_refused(saved, edited):
    _, header = opened(saved.read_bytes(), key="gmcore", known=FORMAT, what="")
    assert "gm-mlp-model" in header["plugins"]
    with pytest.raises(
        ModelFileError, match=r"has the model provider 'mlp' of gm-other, but here gm-mlp-model provides it"
    ):
        gmcore.load(edited(header_with(plugins=["gm-other"])), backend=BACKEND)
    assert gmcore.load(edited(lambda _, header: header.pop("plugins")), backend=BACKEND)


def test_paths_and_folders_in_a_files_header_are_not_used(edited, tmp_path):
    path = edited(header_with(data={"use": "csv", "separator": ";", "path": "/x", "cache_folder": str(tmp_path)}))
    assert gmcore.load(path, backend=BACKEND).reading == {"use": "csv", "separator": ";"}


def test_a_saved_model_has_none(columns, tmp_path):
    rows = zip(*columns.values(), strict=True)
    lines = [",".join([*columns, "y"]), *(f"{','.join(map(str, row))},{row[0] > 0}" for row in rows)]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    data = {"use": "csv", "path": str(tmp_path / "rows.csv"), "target": "y", "cache_folder": str(tmp_path / "kept")}
    done = gmcore.train({"data": data, "backend": BACKEND}, training={"max_epochs": 1}, runs=tmp_path / "runs")
    _, header = opened((done.folder / "model.safetensors").read_bytes(), key="gmcore", known=FORMAT, what="")
    assert {"path", "cache_folder"}.isdisjoint(header["data"])
    assert str(tmp_path) not in json.dumps(header)


@pytest.mark.parametrize("name", ["fifo", "device", "loop", "folder", "n" * 300, "a\0b", "absent"])
def test_what_is_no_file_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder" / "model.safetensors").mkdir(parents=True)
    with pytest.raises(ModelFileError, match="cannot read"):
        gmcore.load(tmp_path / name, backend=BACKEND)
