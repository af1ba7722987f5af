"""The checks of everything in a model file, once, when it is loaded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

import attrs
import numpy as np

from gmcore.domain import Kind, Schema, TargetKind, Tree, Variables
from gmcore.domain.tree import tree_flatten
from gmcore.errors import ModelFileError
from gmcore.nn.index_check import check_indices
from gmcore.nn.sizing import SizingGenerator
from gmcore.ports import Model
from gmcore.storage.files import printable
from gmcore.storage.model_file import ModelHeader
from gmcore.storage.schema_header import schema_from

__all__ = ["CheckedHeader", "check_variables", "checked_header"]

_PRECISIONS = (None, "float32", "bfloat16", "float16")
_INT32 = np.iinfo(np.int32)


class CheckedHeader(TypedDict):
    """The header of a model file after its check."""

    schema: Schema
    model: Mapping[str, object]
    data: Mapping[str, object]
    dtype: str
    precision: str | None
    seed: int


def checked_header(header: ModelHeader, path: Path) -> CheckedHeader:
    """Return the entries of a header, each of the type that it must have.

    Raises:
        ModelFileError: if an entry is missing or invalid.
    """
    try:
        schema = schema_from(header)
        _check_schema(schema)
        found: CheckedHeader = {
            "schema": schema,
            "model": header["model"],
            "data": header.get("data", {"use": "csv"}),
            "dtype": header["dtype"],
            "precision": header.get("precision"),
            "seed": header.get("seed", 0),
        }
        _check_entries(found)
    except KeyError as error:
        raise ModelFileError(
            f"the header of {printable(path)} does not describe a model: {error} is missing"
        ) from error
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the header of {printable(path)} does not describe a model: {error!s:.200}") from error
    return found


def check_variables(model: Model, variables: Variables, path: Path) -> None:
    """Check that variables from a file are some that the model can have.

    Names, shapes and kinds of dtypes must be those of the model's initial variables; numbers must be finite; integers
    must index within the arrays that the model uses them on, for every category of the schema.

    Raises:
        ModelFileError: if they are not; the message names the array.
    """
    try:
        # Sizes are compared before anything is allocated: a file can claim any.
        initial = model.init(SizingGenerator())
    except MemoryError as error:
        raise ModelFileError(f"the model in {printable(path)} is larger than any memory: {error}") from error
    problem = next(_problems(initial, variables), None)
    if problem:
        raise ModelFileError(f"{printable(path)} is damaged or was edited: {problem}")
    try:
        check_indices(model, variables)
    except IndexError as error:
        raise ModelFileError(
            f"{printable(path)} is damaged or was edited: an integer in its arrays is out of range ({error})"
        ) from error


def _check_schema(schema: Schema) -> None:
    names = [feature.name for feature in schema.features]
    if len(set(names)) < len(names):
        raise ValueError("its schema has two features of one name")
    if any(feature.categories for feature in schema.features if feature.kind is not Kind.CATEGORICAL):
        raise ValueError("its schema has categories of a feature that is not categorical")
    least = {TargetKind.BINARY: (2, 2), TargetKind.MULTICLASS: (2, None)}
    low, high = least.get(schema.target.kind, (0, 0))
    count = len(schema.target.classes)
    if not schema.target.names or count < low or (high is not None and count > high):
        raise ValueError(f"its target has {count} classes, but is {schema.target.kind}")


def _check_entries(header: CheckedHeader) -> None:
    for name in ("model", "data"):
        if not isinstance(header[name], Mapping):
            raise TypeError(f"{name} is not a table")
    if header["dtype"] not in ("float32", "float64"):
        raise ValueError(f"dtype is {header['dtype']!r:.40}")
    if header["precision"] not in _PRECISIONS:
        raise ValueError(f"precision is {header['precision']!r:.40}")
    if not isinstance(header["seed"], int) or not 0 <= header["seed"] < 1 << 63:
        raise ValueError(f"seed is {header['seed']!r:.40}")


def _problems(initial: Variables, found: Variables) -> Iterator[str]:
    expected, arrays = tree_flatten(_both(initial)), tree_flatten(_both(found))
    for name in expected.keys() ^ arrays.keys():
        yield f"it lacks the array {name}" if name in expected else f"its model has no array {name:.100}"
    for name, array in arrays.items():
        shape, kind = expected[name].shape, expected[name].dtype.kind
        if array.shape != shape:
            yield f"{name} has shape {list(array.shape)}, its model has {list(shape)}"
        elif array.dtype.kind != kind:
            yield f"{name} has dtype {array.dtype}, its model has {expected[name].dtype}"
        elif kind == "f" and not np.isfinite(array).all():
            what = "NaN" if np.isnan(array).any() else "infinity"
            yield f"{name} contains {what}"
        elif kind == "i" and array.size and not _INT32.min <= array.min() <= array.max() <= _INT32.max:
            yield f"{name} contains numbers beyond 32 bits"


def _both(variables: Variables) -> Tree:
    return attrs.asdict(variables, recurse=False)
