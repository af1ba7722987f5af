"""Arrays of three dimensions and more are tensors; a series is read in windows."""

import numpy as np
import pytest

from gmcore import windowed_rows
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import TargetKind, WindowedSeries
from gmcore.errors import ConfigError, DataError

IMAGES = np.random.default_rng(0).normal(size=(6, 4, 5, 2))
SERIES = np.random.default_rng(1).normal(size=(20, 2))
STEPS = np.arange(20.0)
PAIRS = np.empty(20, object)
PAIRS[:] = [(1, 2)] * 20


def test_an_array_of_images_is_a_tensor_with_the_axes_of_images():
    rows = ArrayData(IMAGES, np.linspace(0, 1, 6)).rows()
    assert list(map(str, rows.schema.tensors)) == ["x (height 4, width 5, channel 2)"]
    assert rows.inputs["x"] is IMAGES
    assert not rows.schema.features


def test_axes_can_be_named():
    given = {"a": IMAGES, "b": IMAGES[:, 0], "c": IMAGES[:, 0, 0, 0]}
    schema = ArrayData(given, np.linspace(0, 1, 6), axes={"a": ["u", "v", "w"]}).schema
    assert list(map(str, schema.tensors)) == ["a (u 4, v 5, w 2)", "b (time 5, channel 2)"]
    assert [feature.name for feature in schema.features] == ["c"]
    assert str(ArrayData(IMAGES, np.linspace(0, 1, 6), axes="uvw").schema.tensors[0]) == "x (u 4, v 5, w 2)"


@pytest.mark.parametrize("dtype", ["uint8", "bool", "float16", "float32"])
def test_numbers_that_float32_holds_stay_small(dtype):
    rows = ArrayData((IMAGES > 0).astype(dtype), np.linspace(0, 1, 6)).rows()
    assert rows.inputs["x"].dtype == np.float32
    assert np.array_equal(rows.inputs["x"], IMAGES > 0)


@pytest.mark.parametrize("dtype", ["int32", "int64", "float64", "longdouble"])
def test_other_numbers_are_float64(dtype):
    assert ArrayData((IMAGES * 10).astype(dtype), np.linspace(0, 1, 6)).rows().inputs["x"].dtype == np.float64


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ({"a": IMAGES[:5], "b": STEPS[:6]}, {}, "X and the tensor 'a' must have the same number of rows, got 6 and 5"),
        (IMAGES.astype(str), {}, "the tensor 'x' must hold numbers, got dtype"),
        (np.where(IMAGES[3, 0, 0, 0] == IMAGES, np.inf, IMAGES), {}, "'x' has an infinite number, first in row 3"),
        (IMAGES[:0], {}, "must have at least one row"),
        ([*IMAGES[:5], IMAGES[5, :3]], {}, r"must have one shape, \(4, 5, 2\) as in row 0, got \(3, 5, 2\) in row 5"),
        (
            [[[1.0, 2.0]], [[1.0, 2.0]], [[1.0]]],
            {},
            r"must have one shape, \(1, 2\) as in row 0, got \(1, 1\) in row 2",
        ),
        (IMAGES, {"axes": {"y": ["a"]}}, "axes: there is no tensor 'y'"),
        (IMAGES, {"axes": ("a", "b")}, "must name each of its 3 axes"),
        ({"numeric": IMAGES}, {}, "which name the feature columns, got 'numeric'"),
    ],
)
def test_a_tensor_that_can_not_be_is_refused(x, options, message):
    with pytest.raises(DataError, match=message):
        ArrayData(x, np.linspace(0, 1, 6), **options).rows()


def test_rows_to_predict_have_the_tensor_of_the_model():
    schema = ArrayData(IMAGES, np.linspace(0, 1, 6)).schema
    for x in (IMAGES[:2], {"x": IMAGES[:2]}, {"other": STEPS[:2], "x": IMAGES[:2]}):
        assert np.array_equal(ArrayData(x).rows_like(schema).inputs["x"], IMAGES[:2])
    with pytest.raises(DataError, match=r"no tensor 'x'.*: this model takes x \(height 4, width 5, channel 2\)"):
        ArrayData({"y": IMAGES}).rows_like(schema)
    with pytest.raises(DataError, match=r"'x' must have shape \(4, 5, 2\) in each row, got \(40,\)"):
        ArrayData(IMAGES.reshape(6, -1)).rows_like(schema)


def test_windows_are_places_in_the_series():
    rows = windowed_rows(SERIES, STEPS, length=4, horizon=3)
    windows = rows.inputs["series"]
    assert isinstance(windows, WindowedSeries)
    assert windows.series is SERIES
    assert str(rows.schema.tensors[0]) == "series (time 4, channel 2)"
    assert rows.targets[:, 0].tolist() == (STEPS[6:]).tolist()  # the third value after the first window, and so on
    assert rows.time.tolist() == list(range(6, 20))
    assert rows.schema.time == "step"


def test_the_label_is_inside_the_window_only_if_it_is_asked_for():
    after, last = windowed_rows(SERIES, STEPS, length=4), windowed_rows(SERIES, STEPS, length=4, label="last")
    assert after.targets[0, 0] == 4
    assert last.targets[0, 0] == 3
    assert len(last) == len(after) + 1


def test_rows_to_predict_are_all_windows_up_to_the_end():
    trained = windowed_rows(SERIES, STEPS, length=4, horizon=3)
    for x in (SERIES, windowed_rows(SERIES, length=4)):
        given = ArrayData(x).rows_like(trained.schema)
        assert len(given) == 17
        assert np.array_equal(given.inputs["series"][[0, 16]], [SERIES[:4], SERIES[-4:]])
    stored = np.stack([SERIES[:4], SERIES[1:5]])
    assert np.array_equal(ArrayData(stored).rows_like(trained.schema).inputs["series"], stored)
    with pytest.raises(DataError, match="the series 'series' has 3 steps, but a window has 4"):
        ArrayData(SERIES[:3]).rows_like(trained.schema)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 20}, "a window of 20 steps and a label 1 after it take 21 steps, but the series has 20"),
        ({"length": 4, "groups": np.repeat([3, 9], [17, 3])}, "take 5 steps, but the group 1 has 3"),
        (
            {"length": 4, "time": [0, 1, 1, *range(3, 20)]},
            "time must grow from step to step, but 1 at step 2 follows 1",
        ),
        ({"length": 4, "groups": PAIRS}, r"groups must hold one value per row, got \(1, 2\) in row 0"),
        ({"length": 4, "weights": [1, 2]}, "the series and weights must have the same number of rows, got 20 and 2"),
    ],
)
def test_a_series_that_does_not_fit_is_refused(options, message):
    with pytest.raises(DataError, match=message):
        windowed_rows(SERIES, STEPS, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "windowed_rows: length must be a whole number of at least 1, got 0"),
        ({"length": 2.5}, "length must be a whole number of at least 1, got 2.5"),
        ({"length": 4, "stride": -1}, "stride must be a whole number of at least 1, got -1"),
        ({"length": 4, "horizon": True}, "horizon must be a whole number of at least 1, got True"),
        ({"length": 4, "label": "inside"}, "label must be 'after' or 'last', got 'inside'"),
    ],
)
def test_windows_that_can_not_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        windowed_rows(SERIES, STEPS, **options)


def test_numbers_of_numpy_are_taken_and_a_stride_may_pass_the_end():
    rows = windowed_rows(SERIES, STEPS, length=np.int64(4), stride=10**30)
    assert (len(rows), rows.inputs["series"].length) == (1, 4)


def test_later_changes_of_the_targets_and_times_do_not_matter():
    y, time = STEPS.copy(), STEPS.copy()
    rows = windowed_rows(SERIES, y, length=4, time=time)
    y[:], time[:] = 7, 7
    assert rows.targets[:, 0].tolist() == rows.time.tolist() == STEPS[4:].tolist()


@pytest.mark.parametrize("series", [3.0, [], np.zeros((0, 2))])
def test_a_series_without_steps_is_refused(series):
    with pytest.raises(DataError, match="must have at least one row"):
        windowed_rows(series, STEPS, length=4)


def test_a_series_and_its_targets_have_the_same_steps():
    with pytest.raises(DataError, match="the series and y must have the same number of steps, got 20 and 3"):
        windowed_rows(SERIES, STEPS[:3], length=4)


@pytest.mark.parametrize(
    ("y", "task", "kind", "shape", "width"),
    [
        (IMAGES[:, 0, 0] > 0, "auto", TargetKind.MULTILABEL, (), 2),
        ((IMAGES[:, 0, 0] > 0).astype(int), "multilabel", TargetKind.MULTILABEL, (), 2),
        (IMAGES[:, 0], "auto", TargetKind.REGRESSION, (5,), 2),
        (IMAGES, "regression", TargetKind.REGRESSION, (4, 5), 2),
        ((IMAGES[:, 0, :, 0] > 0), "classification", TargetKind.BINARY, (5,), 2),
        (
            np.char.add("c", (np.arange(30).reshape(6, 5) % 3).astype(str)),
            "classification",
            TargetKind.MULTICLASS,
            (5,),
            3,
        ),
    ],
)
def test_targets_have_shapes(y, task, kind, shape, width):
    rows = ArrayData(IMAGES, y, task=task).rows()
    target = rows.schema.target
    assert (target.kind, target.shape, target.width) == (kind, shape, width)
    assert rows.targets.shape == (6, *shape, *(() if target.is_classification else (width,)))
    given = rows.targets if kind is TargetKind.REGRESSION else rows.targets.astype(float)
    if target.is_classification:
        assert np.array_equal(
            np.array(target.classes)[rows.targets],
            y.astype(str) if y.dtype.kind == "U" else np.char.lower(y.astype(str)),
        )
    else:
        assert np.array_equal(given, y)
