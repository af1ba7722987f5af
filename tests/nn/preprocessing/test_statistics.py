"""Statistics over blocks of rows equal NumPy's over all rows."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gmcore.domain import Feature, RowBlock, Rows, Schema, Target, TargetKind
from gmcore.nn.layers import Blocks, Sequential
from gmcore.nn.preprocessing import Impute, OneHot, Standardize
from gmcore.nn.preprocessing.standardize import mean_and_scale
from gmcore.nn.preprocessing.statistics import means, means_and_variances, medians
from gmcore.testing.layer_checks.rows import fitted, row_blocks

NAN = np.nan
CUTS = [[0, 100], [0, 1, 100], [0, 37, 37, 80, 100], [*range(101)]]


def table():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 6)) * [1, 1e-3, 1e6, 1, 1, 1] + [0, 1e3, 1e9, -5, 0, 1e9]
    rows[rng.random(rows.shape) < 0.2] = NAN
    rows[:60, 3] = NAN
    rows[:, 4] = NAN
    return rows


def cut(rows, places):
    return Blocks(lambda: (rows[a:b] for a, b in pairwise(places)))


@pytest.mark.parametrize("places", CUTS)
def test_moments_and_medians_over_blocks_equal_those_of_all_rows(places):
    rows = table()
    known = [0, 1, 2, 3, 5]
    count, mean, variance = means_and_variances(row_blocks(cut(rows, places)))
    assert count.tolist() == np.sum(~np.isnan(rows), axis=0).tolist()
    # A few roundings of the largest number, as in NumPy.
    assert mean[known] == pytest.approx(np.nanmean(rows[:, known], axis=0), rel=1e-15 * 8)
    assert variance[known] == pytest.approx(np.nanvar(rows[:, known], axis=0), rel=1e-6)
    assert (mean[4], variance[4]) == (0, 0)
    assert np.array_equal(means(row_blocks(cut(rows, places))), mean)
    assert medians(row_blocks(cut(rows, places)))[known].tolist() == np.nanmedian(rows[:, known], axis=0).tolist()
    assert medians(row_blocks(cut(rows, places)))[4] == 0


def test_a_large_offset_costs_no_digits_of_the_deviation():
    rows = 1e9 + np.random.default_rng(1).choice([-1.0, 1.0], (30_000, 1))
    mean, scale = mean_and_scale(row_blocks(cut(rows, range(0, 30_001, 1000))))
    exact = rows - 1e9
    assert mean - 1e9 == pytest.approx(exact.mean(), abs=1e-6)
    assert scale == pytest.approx(exact.std(), rel=1e-8)  # near 1e9 a block's mean is known to 1e-7


@given(arrays(np.float64, (40, 2), elements=st.floats(-1e6, 1e6) | st.just(NAN)), st.lists(st.integers(0, 40)))
def test_results_do_not_depend_on_the_blocks_up_to_rounding(rows, places):
    whole, blocks = [rows], cut(rows, [0, *sorted(places), 40])
    for found, expected in zip(mean_and_scale(row_blocks(blocks)), mean_and_scale(row_blocks(whole)), strict=True):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert np.array_equal(medians(row_blocks(blocks)), medians(row_blocks(whole)))


def test_one_block_gives_numpys_results_to_the_bit():
    rows = table()[:, :4]
    mean, scale = mean_and_scale(row_blocks([rows]))
    assert np.array_equal(mean, np.nanmean(rows, axis=0))
    assert np.array_equal(scale, np.sqrt(np.nanvar(rows, axis=0)))


def test_medians_gather_a_few_columns_at_a_time_if_all_do_not_fit(monkeypatch):
    monkeypatch.setattr("gmcore.nn.preprocessing.statistics._NUMBERS", 250)
    rows = table()[:, :4].reshape(100, 2, 2)
    found = medians(row_blocks(cut(rows, range(0, 101, 10))))
    assert np.array_equal(found, np.nanmedian(rows, axis=0))


def test_without_rows_there_is_no_result():
    for nothing in ([], [np.empty((0, 3))]):
        assert means(row_blocks(nothing)) is medians(row_blocks(nothing)) is mean_and_scale(row_blocks(nothing)) is None


def test_the_scale_of_a_column_that_is_constant_over_many_blocks_is_exactly_zero():
    rows = np.full((50_000, 2), [0.1, 123456.789])
    assert mean_and_scale(row_blocks(cut(rows, range(0, 50_001, 7))))[1].tolist() == [0, 0]


def test_a_sequence_of_layers_learns_the_same_from_blocks_as_from_all_rows():
    rows = table()[:, :4]
    net = Sequential([Impute(strategy="median"), Standardize()])
    fresh = net.init(np.random.default_rng(0), (4,))
    whole, parts = fitted(net, [rows], fresh).buffers, fitted(net, cut(rows, [0, 20, 70, 100]), fresh).buffers
    assert np.array_equal(parts["0"]["fill"], whole["0"]["fill"])
    assert parts["1"]["mean"] == pytest.approx(whole["1"]["mean"], rel=1e-12)
    assert parts["1"]["gain"] == pytest.approx(whole["1"]["gain"], rel=1e-9)


def test_codes_are_learned_from_every_block():
    codes = np.array([[0], [2], [0], [1]], np.int32)
    layer = OneHot((3,))
    fresh = layer.init(np.random.default_rng(0), (1,))
    whole, parts = fitted(layer, [codes], fresh).buffers, fitted(layer, cut(codes, [0, 1, 2, 4]), fresh).buffers
    assert np.array_equal(parts["place"], whole["place"])


@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_learning_from_a_file_takes_the_memory_of_a_few_blocks(tmp_path, monkeypatch, strategy):
    monkeypatch.setattr("gmcore.nn.preprocessing.statistics._NUMBERS", 2000 * 64)  # one column at a time
    rows = np.lib.format.open_memmap(tmp_path / "rows.npy", "w+", np.float64, (200_000, 64))
    rows[:, ::7] = 1.5
    features = tuple(Feature(name=str(place)) for place in range(64))
    schema = Schema(features=features, target=Target(names=("y",), kind=TargetKind.REGRESSION))
    some = Rows(schema=schema, inputs={"numeric": rows}).view(np.arange(0, 200_000, 2))
    net = Sequential([Impute(strategy=strategy), Standardize()])
    fresh = net.init(np.random.default_rng(0), (64,))
    tracemalloc.start()
    blocks = Blocks(lambda: (RowBlock(inputs=block.inputs["numeric"]) for block in some.blocks(2000)))
    net.adapt(fresh, blocks, rng=np.random.default_rng(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < rows[:2000].nbytes * 8  # of 51 MB that are read
