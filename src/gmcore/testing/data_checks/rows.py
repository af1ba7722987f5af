"""Checks of rows and batches against their schema."""

# ruff: noqa: S101 - these are checks

from collections.abc import Mapping

import numpy as np

from gmcore.domain import Batch, Kind, Schema
from gmcore.domain.data.dates import FIRST_DAY, LAST_DAY, MISSING_DAY, SECONDS_PER_DAY

__all__ = ["assert_columns", "assert_order"]


def assert_columns(schema: Schema, inputs: Mapping[str, np.ndarray], targets: object, *, count: int) -> None:
    """Check names, shapes, dtypes and ranges against the schema."""
    shapes = {name: (count, *shape) for name, shape in schema.input_shapes.items()}
    assert {name: tuple(array.shape) for name, array in inputs.items()} == shapes
    for tensor in schema.tensors:
        assert inputs[tensor.name].dtype in (np.float32, np.float64)
        assert not np.isinf(inputs[tensor.name][:]).any()
    if schema.numeric:
        numeric = inputs["numeric"]
        assert numeric.dtype == np.float64
        assert not np.isinf(numeric).any()
        logical = numeric[:, [feature.kind is Kind.BOOLEAN for feature in schema.numeric]]
        assert np.isin(logical[~np.isnan(logical)], (0.0, 1.0)).all()
    if schema.categorical:
        assert inputs["categorical"].dtype == np.int32
        assert (inputs["categorical"] >= 0).all()
        assert (inputs["categorical"] <= [len(feature.categories) for feature in schema.categorical]).all()
    if schema.datetime:
        _assert_dates(inputs["datetime"])
    assert isinstance(targets, np.ndarray)
    target, places = schema.target, (count, *schema.target.shape)
    if target.is_classification:
        assert targets.shape == places
        assert targets.dtype == np.int32
        assert ((targets >= 0) & (targets < len(target.classes))).all()
    elif not target.is_regression:
        assert targets.shape == (*places, target.width)
        assert targets.dtype == np.int32
        assert np.isin(targets, (0, 1)).all()
    else:
        assert targets.shape == (*places, target.width)
        assert targets.dtype == np.float64
        assert np.isfinite(targets).all()


def _assert_dates(dates: np.ndarray) -> None:
    """Check that days are in the calendar or missing, and seconds in a day."""
    assert dates.dtype == np.int32
    days, seconds = dates[..., 0], dates[..., 1]
    missing = days == MISSING_DAY
    assert (missing | ((days >= FIRST_DAY) & (days <= LAST_DAY))).all()
    assert ((seconds >= 0) & (seconds < SECONDS_PER_DAY)).all()
    assert (seconds[missing] == 0).all()


def assert_order(schema: Schema, batch: Batch) -> None:
    """Check that groups and time are present if the schema has them, with one value for each row."""
    for name, column in ((schema.group, batch.groups), (schema.time, batch.time)):
        assert (column is not None) == (name is not None), name
        assert column is None or column.shape == batch.weights.shape, name
