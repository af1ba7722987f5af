"""Rows that are windows of a series in memory."""

from typing import Literal

import numpy as np

from gmcore.builtins.present import group_codes, row_times, row_weights
from gmcore.builtins.targets import Task, encode_target
from gmcore.builtins.tensors import describe_tensors, finite_numbers
from gmcore.domain import Rows, Schema, Target, TargetKind, WindowedSeries
from gmcore.domain.data.windowing import Windowing
from gmcore.errors import ConfigError, DataError

__all__ = ["windowed_rows"]

_NAME = "series"


def windowed_rows(
    series: object,
    y: object = None,
    /,
    *,
    length: int,
    horizon: int = 1,
    stride: int = 1,
    label: Literal["after", "last"] = "after",
    task: Task = "auto",
    groups: object = None,
    time: object = None,
    weights: object = None,
) -> Rows:
    """Return the windows of a series as rows, each with the value that comes after it as its label.

    The series is held once, whatever the windows: a row is the place of its first step. Windows and their labels do not
    cross from one group into another. Splits are by time, and no row is trained on that has steps of a held-out row.

    Args:
        series: numbers, `(steps, channels)` or `(steps,)`; an array of float32 or float64 is not copied.
        y: what is to be predicted, at each step: `(steps,)` or `(steps, targets)`, as in `gmcore.train`; None for rows
            to predict, which are then the windows that start at every `stride` steps, up to the end of the series.
        length: steps in a window.
        horizon: steps from the last one of a window to its label.
        stride: steps from the start of one window to that of the next.
        label: `"after"`; or `"last"` for the value of `y` at a window's last step.
        task: `"classification"`, `"regression"` or `"auto"`, by the values of `y`.
        groups: `(steps,)`, equal for the steps of one series, which must follow each other.
        time: `(steps,)`, numbers or dates that grow within a group; by default the steps' numbers.
        weights: `(steps,)`, of which a row has the one of its label.

    Raises:
        DataError: if a window is longer than the series or a group, or the arguments do not fit each other.
        ConfigError: if `length`, `horizon` or `stride` is no whole number of at least 1, or `label` is another text.
    """
    values = finite_numbers(series, _NAME)
    values = values[:, None] if values.ndim == 1 else values
    steps = len(values)
    try:
        given = Windowing(length=length, horizon=horizon, stride=stride, label=label if y is not None else "last")
    except ValueError as error:
        raise ConfigError([f"windowed_rows: {error}"]) from error
    codes = None if groups is None else group_codes(groups, steps, rows="the series")
    starts = given.starts(steps, codes)
    # Of one series, labels and times are views of those of the steps.
    labels = starts + given.reach - 1 if codes is not None else slice(given.reach - 1, None, stride)
    windows = WindowedSeries(series=values, starts=starts, length=given.length, reach=given.reach)
    tensors = describe_tensors({_NAME: windows})
    if y is None:
        unknown = Target(names=("target",), kind=TargetKind.REGRESSION)
        return Rows(schema=Schema(tensors=tensors, target=unknown), inputs={_NAME: windows})
    target, targets = encode_target(y, task)
    if len(targets) != steps:
        raise DataError(f"the series and y must have the same number of steps, got {steps:,} and {len(targets):,}")
    times = (
        np.arange(steps, dtype=starts.dtype) if time is None else row_times(time, steps, rows="the series")[0].copy()
    )
    _check_order(times, codes)
    group = None if codes is None else "groups"
    return Rows(
        schema=Schema(tensors=tensors, target=target, group=group, time="step" if time is None else "time"),
        inputs={_NAME: windows},
        targets=targets[labels],
        weights=None if weights is None else row_weights(weights, steps, rows="the series")[labels],
        groups=None if codes is None else codes[starts],
        time=times[labels],
    )


def _check_order(times: np.ndarray, codes: np.ndarray | None) -> None:
    """Raise `DataError` unless times grow from each step to the next one of its group."""
    wrong = times[1:] <= times[:-1]
    if codes is not None:
        wrong &= codes[1:] == codes[:-1]
    if wrong.any():
        step = int(wrong.argmax()) + 1
        raise DataError(
            f"time must grow from step to step, but {times[step]} at step {step:,} follows {times[step - 1]}"
        )
