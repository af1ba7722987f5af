"""Rows in memory and in files: copies, views and blocks."""

import attrs
import numpy as np
import pytest

from gmcore.domain import Feature, Kind, Rows, Schema, Target, TargetKind

SCHEMA = Schema(
    features=(Feature(name="a"), Feature(name="b"), Feature(name="c", kind=Kind.CATEGORICAL, categories=("u", "v"))),
    target=Target(names=("y",), kind=TargetKind.REGRESSION),
    group="g",
    time="t",
)


@pytest.fixture(params=["memory", "files"])
def rows(request, tmp_path):
    count = np.arange(10)
    arrays = {
        "numeric": np.stack([count * 0.5, -count], axis=1),
        "categorical": (count[:, None] % 3).astype(np.int32),
        "targets": count[:, None] * 2.0,
        "weights": count + 1.0,
        "groups": count // 2,
        "time": count[::-1].copy(),
    }
    if request.param == "files":
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        arrays = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in arrays}
    inputs = {name: arrays.pop(name) for name in ("numeric", "categorical")}
    return Rows(schema=SCHEMA, inputs=inputs, **arrays)


def columns(rows):
    named = {name: getattr(rows, name) for name in ("targets", "weights", "groups", "time")}
    return {**dict(rows.inputs), **named}


def assert_same(found, expected):
    assert len(found) == len(expected)
    assert found.schema == expected.schema
    for name, column in columns(expected).items():
        assert np.array_equal(columns(found)[name], column), name


def test_a_view_has_the_rows_that_a_copy_has(rows):
    indices = np.array([7, 0, 3, 3])
    assert_same(rows.view(indices), rows.take(indices))


def test_a_view_of_a_view_and_a_copy_of_one_have_its_rows(rows):
    view = rows.view(np.array([7, 0, 3, 9]))
    assert_same(view.view(np.array([2, 0])), rows.take(np.array([3, 7])))
    assert_same(view.take(np.array([2, 0])), rows.take(np.array([3, 7])))


@pytest.mark.parametrize("size", [1, 3, 10, 99])
def test_blocks_are_all_rows_in_order_and_go_through_as_often_as_asked(rows, size):
    view = rows.view(np.array([7, 0, 3, 9, 1]))
    for source in (rows, view):
        for _ in range(2):
            blocks = list(source.blocks(size))
            assert max(map(len, blocks)) <= size
            joined = {name: np.concatenate([columns(block)[name] for block in blocks]) for name in columns(source)}
            assert all(np.array_equal(joined[name], column) for name, column in columns(source).items())


def test_no_rows_have_no_blocks(rows):
    assert list(rows.view(np.array([], np.int64)).blocks()) == []


def test_a_block_of_a_view_gathers_no_more_than_the_input_that_is_asked_for():
    asked = []

    class Watched(np.ndarray):
        def __getitem__(self, where):
            asked.append(np.size(where))
            return np.asarray(self)[where]

    watched = np.zeros((1000, 3)).view(Watched)
    rows = Rows(schema=attrs.evolve(SCHEMA, group=None, time=None), inputs={"numeric": watched, "other": watched})
    blocks = rows.view(np.arange(999, -1, -1)).blocks(100)
    assert asked == []
    assert [len(block) for block in blocks] == [100] * 10
    assert asked == []
    assert rows.view(np.arange(50)).inputs["other"].shape == (50, 3)
    assert asked == [50]


def test_the_size_of_a_block_depends_on_the_columns_alone():
    narrow = Rows(schema=SCHEMA, inputs={"numeric": np.zeros((200_000, 2))})
    wide = Rows(schema=SCHEMA, inputs={"numeric": np.zeros((9000, 1024))})
    assert [len(block) for block in narrow.blocks()] == [65_536] * 3 + [200_000 - 3 * 65_536]
    assert [len(block) for block in wide.blocks()] == [4096, 4096, 808]
    assert len(next(wide.view(np.arange(8999)).blocks())) == 4096


def test_columns_must_have_the_same_rows():
    with pytest.raises(ValueError, match="got numeric 3, targets 2"):
        Rows(schema=SCHEMA, inputs={"numeric": np.zeros((3, 1))}, targets=np.zeros(2))
