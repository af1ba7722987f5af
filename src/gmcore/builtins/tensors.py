"""Tensors in memory: inputs with an array in each row, taken from the arrays that are passed for `X`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gmcore.builtins.values import to_array
from gmcore.domain import Array, Rows, Schema, Tensor, WindowedSeries
from gmcore.errors import DataError, did_you_mean

__all__ = ["UNNAMED", "describe_tensors", "finite_numbers", "separate_tensors", "tensors_like"]

UNNAMED = "x"
"""The name of the tensor that is the whole of `X`."""

_AXES = {1: ("channel",), 2: ("time", "channel"), 3: ("height", "width", "channel")}
_ROWS_AT_ONCE = 4096


def separate_tensors(x: object) -> tuple[dict[str, Array], object]:
    """Return the tensors in `X`, by name, and what is left of it: columns, or None.

    An array of three dimensions or more is a tensor, as are the arrays of two or more in a mapping.

    Raises:
        DataError: if a tensor does not hold numbers, all finite or NaN, of one shape in every row.
    """
    if isinstance(x, Rows):
        return {tensor.name: x.inputs[tensor.name] for tensor in x.schema.tensors}, x
    if isinstance(x, Mapping):
        tensors = {
            str(name): finite_numbers(values, str(name)) for name, values in x.items() if _dimensions(values) > 1
        }
        columns = {name: values for name, values in x.items() if str(name) not in tensors}
        return tensors, columns or None
    return ({UNNAMED: finite_numbers(x, UNNAMED)}, None) if _dimensions(x) > 2 else ({}, x)  # noqa: PLR2004 - rows and columns


def describe_tensors(
    tensors: Mapping[str, Array], axes: Mapping[str, Sequence[str]] | Sequence[str] = ()
) -> tuple[Tensor, ...]:
    """Return the descriptions of tensors.

    Args:
        tensors: arrays `(rows, …)`, by name.
        axes: the names of the axes of each, or of the only one; by default those of a window of a series,
            `("time", "channel")`, or of an image, `("height", "width", "channel")`, by their number.

    Raises:
        DataError: if the axes are those of no tensor, or not as many as it has.
    """
    named = axes if isinstance(axes, Mapping) else dict.fromkeys(tensors, axes) if axes else {}
    for name in named:
        if name not in tensors:
            raise DataError(f"axes: there is no tensor '{name}'{did_you_mean(name, tensors)}")
    try:
        return tuple(
            Tensor(
                name=name,
                shape=tuple(map(int, array.shape[1:])),
                axes=tuple(named.get(name, _AXES.get(array.ndim - 1, ()))),
            )
            for name, array in tensors.items()
        )
    except ValueError as error:
        raise DataError(str(error)) from error


def tensors_like(x: object, schema: Schema) -> tuple[dict[str, Array], object]:
    """Return the tensors of a schema in `X`, by name, and what is left of it.

    A series in the place of windows, `(steps, …)` for a tensor whose first axis is `"time"`, is read in windows that
    start at every step.

    Raises:
        DataError: if one is missing, or has another shape.
    """
    if isinstance(x, Rows):
        found, rest = separate_tensors(x)
    else:
        if not isinstance(x, Mapping):
            x = {schema.tensors[0].name: x} if len(schema.tensors) == 1 and not schema.features else {}
        names = {tensor.name for tensor in schema.tensors}
        found = {name: finite_numbers(values, name) for name, values in x.items() if name in names}
        rest = {name: values for name, values in x.items() if name not in names} or None
    for tensor in schema.tensors:
        if tensor.name not in found:
            raise DataError(f"no tensor '{tensor.name}'{did_you_mean(tensor.name, found)}: this model takes {tensor}")
    return {tensor.name: _fitting(found[tensor.name], tensor) for tensor in schema.tensors}, rest


def finite_numbers(values: object, name: str) -> np.ndarray:
    """Return an array of numbers as float64, or as float32 if that holds all of its dtype.

    An array of either dtype is not copied.

    Raises:
        DataError: if it does not hold numbers, all finite or NaN, of one shape in every row.
    """
    _check_lengths(values, name)
    array = to_array(values, f"the tensor '{name}'")
    if array.dtype.kind not in "biuf":
        raise DataError(f"the tensor '{name}' must hold numbers, got dtype {array.dtype}")
    if not array.ndim or not array.size:
        raise DataError(f"the tensor '{name}' must have at least one row and one number in each, got {array.shape}")
    numbers = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    if numbers.dtype not in (np.float32, np.float64):
        numbers = numbers.astype(np.float64)
    for start in range(0, len(numbers), _ROWS_AT_ONCE):
        block = numbers[start : start + _ROWS_AT_ONCE]
        infinite = np.isinf(block).reshape(len(block), -1).any(axis=1)
        if infinite.any():
            raise DataError(f"the tensor '{name}' has an infinite number, first in row {start + infinite.argmax()}")
    return numbers


def _fitting(array: Array, tensor: Tensor) -> Array:
    """Return the rows of a tensor, which have its shape."""
    if array.ndim == 1 and tensor.shape[1:] == (1,):
        array = array[:, None]
    if array.ndim == len(tensor.shape) and tensor.axes[:1] == ("time",) and array.shape[1:] == tensor.shape[1:]:
        length, steps = tensor.shape[0], len(array)
        if steps < length:
            raise DataError(f"the series '{tensor.name}' has {steps:,} steps, but a window has {length:,}")
        return WindowedSeries(series=array, starts=np.arange(steps - length + 1), length=length)
    if tuple(array.shape[1:]) != tensor.shape:
        raise DataError(
            f"the tensor '{tensor.name}' must have shape {tensor.shape} in each row, got {tuple(array.shape[1:])}"
        )
    return array


def _check_lengths(values: object, name: str) -> None:
    """Raise `DataError` if the arrays in a list have different shapes."""
    if not isinstance(values, list | tuple):
        return
    shapes = [np.shape(row) if hasattr(row, "shape") else tuple(_lengths(row)) for row in values]
    for row, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise DataError(
                f"the tensor '{name}' must have one shape, {shapes[0]} as in row 0, got {shape} in row {row}"
            )


def _dimensions(values: object) -> int:
    """Return the number of dimensions of an array, or of lists of numbers or arrays."""
    if isinstance(values, list | tuple):
        return 1 + (_dimensions(values[0]) if values else 0)
    return int(getattr(values, "ndim", 0))


def _lengths(values: Any) -> Iterator[int]:
    """Yield the length of lists at each depth, by their first entries."""
    while isinstance(values, list | tuple):
        yield len(values)
        values = values[0] if values else None
