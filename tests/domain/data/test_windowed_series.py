"""A windowed series has the shape of its windows and gathers them; windows and their labels stay in their group."""

import numpy as np
import pytest

from gmcore.domain import Rows, Schema, SplitConfig, Target, TargetKind, Tensor, WindowedSeries
from gmcore.domain.data.purge import apart_from
from gmcore.domain.data.splits import split_rows
from gmcore.domain.data.windowing import Windowing
from gmcore.errors import DataError

SERIES = np.arange(24.0).reshape(12, 2)
STARTS = np.array([0, 3, 3, 7])
STORED = np.stack([SERIES[start : start + 4] for start in STARTS])
SCHEMA = Schema(
    tensors=(Tensor(name="series", shape=(4, 2), axes=("time", "channel")),),
    target=Target(names=("y",), kind=TargetKind.REGRESSION),
)


@pytest.fixture
def windows():
    return WindowedSeries(series=SERIES, starts=STARTS, length=4)


def rows_of(column, **more):
    return Rows(schema=SCHEMA, inputs={"series": column}, targets=np.arange(len(column), dtype=float)[:, None], **more)


def test_it_has_the_shape_and_the_dtype_of_its_windows(windows):
    assert (windows.shape, windows.ndim, windows.dtype, len(windows)) == (STORED.shape, 3, STORED.dtype, 4)


@pytest.mark.parametrize(
    "where",
    [slice(1, 3), np.array([3, 0, 0]), np.array([[[1], [2]]]), np.array([True, False, False, True]), 2],
    ids=["slice", "indices", "a plan", "mask", "one"],
)
def test_indexing_gathers_the_windows(windows, where):
    assert np.array_equal(windows[where], STORED[where])


def test_taking_rows_gathers_nothing(windows):
    taken = windows.take(np.array([2, 0]))
    assert taken.series is SERIES
    assert np.array_equal(taken[:], STORED[[2, 0]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"length": 13}, "from 1 step to the 12 of the series"),
        ({"length": 0}, "from 1 step to the 12 of the series"),
        ({"length": 4.0}, "length and reach of windows must be whole, got 4.0"),
        ({"reach": 10**9}, "and 1,000,000,000 with the label"),
        ({"reach": 6}, "windows of 6 steps, with the label, must start at steps 0 to 6, got 0 to 7"),
        ({"reach": 3}, "end before their label, got 4 steps, and 3 with the label"),
        ({"starts": np.array([9])}, "windows of 4 steps, with the label, must start at steps 0 to 8, got 9 to 9"),
        ({"starts": np.array([-1, 2])}, "must start at steps 0 to 8, got -1 to 2"),
    ],
)
def test_windows_beyond_the_series_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        WindowedSeries(**{"series": SERIES, "starts": STARTS, "length": 4} | changed)


@pytest.mark.parametrize("size", [1, 3, None])
def test_rows_of_windows_are_the_rows_of_stored_windows(windows, size):
    rows, stored = rows_of(windows), rows_of(STORED)
    chosen = np.array([3, 1, 0])
    for some, expected in (
        (rows.view(chosen), stored.view(chosen)),
        (rows.take(chosen), stored.take(chosen)),
        (rows.view(chosen).gathered(), stored.take(chosen)),
        (rows.view(chosen).view(np.array([1, 2])), stored.take(chosen[1:])),
        (rows.view(np.array([True, False, True, True])), stored.take(np.array([0, 2, 3]))),
    ):
        assert len(some) == len(expected)
        blocks = [np.asarray(block.inputs["series"][:]) for block in some.blocks(size)]
        assert np.array_equal(np.concatenate(blocks), expected.inputs["series"])
        assert np.array_equal(np.concatenate([block.targets for block in some.blocks(size)]), expected.targets)


def test_a_block_of_a_block_is_counted_from_the_block(windows):
    rows = rows_of(np.concatenate([STORED] * 3))
    inner = [block for part in rows.blocks(5) for block in part.blocks(2)]
    assert np.array_equal(np.concatenate([block.inputs["series"] for block in inner]), np.concatenate([STORED] * 3))
    last = next(iter(list(rows_of(windows).blocks(3))[1].blocks(2)))
    assert np.array_equal(last.inputs["series"], STORED[3:])


def test_spans_are_those_of_the_rows(windows):
    assert rows_of(STORED).windowed == {}
    labelled = WindowedSeries(series=SERIES, starts=STARTS, length=4, reach=5)
    rows = rows_of(labelled)
    assert rows.windowed["series"].spans.tolist() == [[0, 5], [3, 8], [3, 8], [7, 12]]
    assert rows.view(np.array([3, 0])).windowed["series"].spans.tolist() == [[7, 12], [0, 5]]
    assert rows.take(np.array([3])).windowed["series"].series is SERIES


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"horizon": 4}, [0, 1, 2]),
        ({"stride": 4}, [0, 4]),
        ({"label": "last"}, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_window_and_its_label_are_within_the_series(options, expected):
    windowing = Windowing(length=4, **options)
    starts = windowing.starts(10)
    assert starts.tolist() == expected
    labels = starts + windowing.reach - 1
    assert labels.max() <= 9
    if options.get("label") != "last":
        assert (labels >= starts + 4).all()  # after the window


def test_windows_do_not_cross_into_another_group():
    groups = np.repeat([7, 2, 5], [6, 5, 8])
    starts = Windowing(length=3, horizon=2).starts(19, groups)
    ends = starts + 4
    assert (groups[starts] == groups[ends]).all()
    assert starts.tolist() == [0, 1, 6, 11, 12, 13, 14]


@pytest.mark.parametrize(
    ("steps", "groups", "message"),
    [
        (4, None, "a window of 4 steps and a label 1 after it take 5 steps, but the series has 4"),
        (9, np.repeat([0, 1], [6, 3]), "take 5 steps, but the group 1 has 3"),
        (18, np.repeat([0, 1, 0], 6), "group 0 begins again at step 12: sort the steps by group"),
    ],
)
def test_a_window_longer_than_its_series_is_refused(steps, groups, message):
    with pytest.raises(DataError, match=message):
        Windowing(length=4).starts(steps, groups)


def overlapping(one, other):
    return (one[:, None, 0] < other[None, :, 1]) & (other[None, :, 0] < one[:, None, 1])


def test_rows_with_steps_of_held_out_rows_are_left_out():
    starts = np.random.default_rng(0).integers(0, 1990, 300)
    series = WindowedSeries(series=np.zeros((2000, 2)), starts=starts, length=4, reach=9)
    rows = rows_of(series)
    train, held = np.arange(250), np.arange(250, 300)
    kept = apart_from(rows, train, held)
    clash = overlapping(rows.windowed["series"].spans[train], rows.windowed["series"].spans[held]).any(axis=1)
    assert 0 < clash.sum() < 250
    assert kept.tolist() == train[~clash].tolist()


def test_no_training_window_has_steps_of_a_validation_or_test_window():
    starts = np.arange(191)
    series = WindowedSeries(series=np.zeros((200, 2)), starts=starts, length=4, reach=9)
    rows = rows_of(series, time=starts)
    share = SplitConfig(fraction=0.2)
    split = split_rows(rows, validation=share, test=share)
    held = np.concatenate([split.validation, split.test])
    assert not overlapping(rows.windowed["series"].spans[split.train], rows.windowed["series"].spans[held]).any()
    assert not overlapping(
        rows.windowed["series"].spans[split.validation], rows.windowed["series"].spans[split.test]
    ).any()
    assert split.test.tolist() == list(range(191 - len(split.test), 191))


def test_a_split_that_leaves_no_window_is_refused():
    starts = np.arange(20)
    rows = rows_of(WindowedSeries(series=np.zeros((60, 2)), starts=starts, length=4, reach=40))
    with pytest.raises(DataError, match="each of the others shares steps with one of them"):
        split_rows(rows, validation=SplitConfig(fraction=0.2, strategy="random"))


@pytest.mark.parametrize(
    ("shape", "message"),
    [((4, 3), r"the tensor 'series' must have shape \(4, 2\) in each row, got \(4, 3\)")],
)
def test_a_tensor_of_another_shape_is_refused(shape, message):
    with pytest.raises(DataError, match=message):
        rows_of(np.zeros((5, *shape)))


def test_rows_without_a_tensor_of_the_schema_are_refused():
    with pytest.raises(DataError, match=r"the rows lack the tensor series \(time 4, channel 2\): they have other"):
        Rows(schema=SCHEMA, inputs={"other": STORED})
