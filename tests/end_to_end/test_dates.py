"""Dates as features, from a file to predictions: what depends on the day of the week and on time is learned."""

import numpy as np
import pandas as pd
import pytest

import gmcore
from gmcore.app import open_run
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Kind

COUNT = 600


@pytest.fixture(scope="module")
def frame():
    """Return dates over four years in random order; the target rises with time and is higher at weekends."""
    rng = np.random.default_rng(0)
    days = np.datetime64("2020-01-01") + rng.permutation(4 * 365)[:COUNT]
    day_of_week = (days.astype(int) + 3) % 7
    target = (days - days.min()).astype(int) / 365 + 3.0 * (day_of_week >= 5) + rng.normal(0, 0.05, COUNT)
    delivered = pd.Series(days + rng.integers(1, 60, COUNT)).where(rng.random(COUNT) > 0.1)
    return pd.DataFrame({"bought": days, "delivered": delivered, "y": target})


@pytest.fixture(scope="module")
def folder(frame, tmp_path_factory):
    """Return a folder with the rows as a CSV file: an ISO column, and a national one with missing dates."""
    folder = tmp_path_factory.mktemp("dates")
    frame.assign(delivered=frame["delivered"].dt.strftime("%d.%m.%Y")).to_csv(folder / "rows.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def config(folder):
    return {
        "seed": 1,
        "backend": {"use": "jax", "device": "cpu"},
        "data": {"use": "csv", "path": str(folder / "rows.csv"), "target": "y", "test": {"fraction": 0.3}},
        "model": {"use": "mlp", "hidden": [32]},
        "training": {"max_epochs": 120, "batch_size": 32, "early_stopping": {"patience": 120}},
    }


@pytest.fixture(scope="module")
def done(config, folder):
    return gmcore.train(config, runs=folder / "runs")


def test_the_day_of_the_week_and_the_trend_are_learned(done, frame):
    assert [feature.kind for feature in done.model.schema.features] == [Kind.DATETIME] * 2
    errors = done.model.predict(frame) - frame["y"]
    assert np.sqrt(np.mean(errors**2)) < 0.3 * frame["y"].std()


def test_predictions_do_not_depend_on_where_the_dates_come_from(done, folder, frame):
    model = gmcore.load(done.folder, backend={"use": "jax", "device": "cpu"})
    expected = done.model.predict(done.model.read(folder / "rows.csv"))
    sources = {
        "pandas": frame,
        "arrays": {name: frame[name].to_numpy() for name in ("bought", "delivered")},
        "texts": pd.read_csv(folder / "rows.csv"),
        "of a zone": frame.assign(bought=frame["bought"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")),
    }
    for name, rows in sources.items():
        np.testing.assert_array_equal(model.predict(rows), expected, err_msg=name)
    one = pd.read_csv(folder / "rows.csv").dropna().head(1)
    assert model.predict(one)[0] == pytest.approx(expected[one.index[0]], rel=1e-5)
    assert np.isfinite(model.predict({"bought": [None], "delivered": [None]})).all()


def test_new_rows_may_have_another_format_of_dates_that_is_given(done, folder, frame, tmp_path):
    national = frame.assign(delivered=frame["delivered"].dt.strftime("%m/%d/%Y"))
    national.to_csv(tmp_path / "rows.csv", index=False)
    expected = done.model.predict(frame)
    rows = done.model.read(tmp_path / "rows.csv", date_format="%m/%d/%Y")
    np.testing.assert_array_equal(done.model.predict(rows), expected)
    arrays = ArrayData(national[["bought", "delivered"]], date_format="%m/%d/%Y")
    np.testing.assert_array_equal(done.model.predict(arrays), expected)


def test_time_counts_from_the_first_training_row(done, config, frame):
    train = open_run(config).data.split().train
    assert train.max() < COUNT
    first = frame["bought"][train].min()
    assert first > frame["bought"].min()  # which is held out
    learned = done.model.variables.buffers["inputs"]["datetime"]["0"]["first_day"]
    assert learned[0] == (first - pd.Timestamp(0)).days
