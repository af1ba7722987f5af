"""A schema as JSON, as in the headers of model files and row stores, and its checked reading."""

import math
from collections.abc import Sequence
from typing import NotRequired, TypedDict, TypeVar

from gmcore.domain import Feature, Kind, Schema, Shape, Target, TargetKind, Tensor

__all__ = ["SchemaHeader", "schema_from"]

T = TypeVar("T")

_MOST_AXES = 16
# Numbers in a row of a tensor, and of a target, each of which may be a column of written predictions.
_LARGEST, _LARGEST_TARGET = 1 << 31, 1 << 20


class _FeatureEntry(TypedDict):
    name: str
    kind: str
    categories: Sequence[str]
    date_format: NotRequired[str | None]  # files from before dates were features lack it


class _TensorEntry(TypedDict):
    name: str
    shape: Sequence[int]
    axes: Sequence[str]


class _TargetEntry(TypedDict):
    names: Sequence[str]
    kind: str
    classes: Sequence[str]
    dtype: NotRequired[str]  # files from before labels had a dtype lack it
    shape: NotRequired[Sequence[int]]  # files from before format 4 lack it


class _SchemaEntry(TypedDict):
    """A `Schema` as JSON."""

    features: Sequence[_FeatureEntry]
    tensors: NotRequired[Sequence[_TensorEntry]]  # files from before format 4 lack it
    target: _TargetEntry
    group: str | None
    time: str | None
    id: NotRequired[str | None]  # files from before rows had ids lack it


class SchemaHeader(TypedDict, total=False):
    """A JSON header with a schema."""

    format: int
    schema: _SchemaEntry


def schema_from(header: SchemaHeader) -> Schema:
    """Return the schema in a header.

    Raises:
        ValueError: if it is missing or malformed; the message says what is wrong.
    """
    try:
        schema = header["schema"]
        target = schema["target"]
        return Schema(
            features=tuple(map(_feature, _list(schema["features"], "features"))),
            tensors=tuple(map(_tensor, _list(schema.get("tensors", ()), "tensors"))),
            target=Target(
                names=_texts(target["names"], "names of its target"),
                kind=TargetKind(target["kind"]),
                classes=_texts(target["classes"], "classes"),
                dtype=_text(target.get("dtype", "str"), "dtype of its target"),
                shape=_sizes(target.get("shape", ()), "shape of its target", largest=_LARGEST_TARGET),
            ),
            group=_optional_text(schema["group"], "group"),
            time=_optional_text(schema["time"], "time"),
            id=_optional_text(schema.get("id"), "id"),
        )
    except KeyError as error:
        raise ValueError(f"its schema lacks {error}") from error
    except (TypeError, AttributeError) as error:  # of a number or a list in the place of a table
        raise ValueError("its schema is not made of tables") from error


def _feature(entry: _FeatureEntry) -> Feature:
    return Feature(
        name=_text(entry["name"], "name of a feature"),
        kind=Kind(entry["kind"]),
        categories=_texts(entry["categories"], "categories"),
        date_format=_optional_text(entry.get("date_format"), "date_format"),
    )


def _tensor(entry: _TensorEntry) -> Tensor:
    return Tensor(
        name=_text(entry["name"], "name of a tensor"),
        shape=_sizes(entry["shape"], "shape of a tensor"),
        axes=_texts(entry["axes"], "axes of a tensor"),
    )


def _sizes(value: Sequence[int], what: str, *, largest: int = _LARGEST) -> Shape:
    sizes = tuple(_list(value, what))
    if not all(type(size) is int and size > 0 for size in sizes):
        raise ValueError(f"the {what} in its schema must be sizes above 0, got {value!r:.60}")
    if len(sizes) > _MOST_AXES or math.prod(sizes) > largest:
        raise ValueError(f"the {what} in its schema is too large: {value!r:.60}")
    return sizes


def _list(value: Sequence[T], what: str) -> Sequence[T]:
    # A text is a sequence of texts, too.
    if not isinstance(value, list | tuple):
        raise ValueError(f"the {what} in its schema must be a list, got {value!r:.40}")  # noqa: TRY004 - a value of the file
    return value


def _texts(value: Sequence[str], what: str) -> tuple[str, ...]:
    return tuple(_text(one, what) for one in _list(value, what))


def _optional_text(value: str | None, what: str) -> str | None:
    return None if value is None else _text(value, what)


def _text(value: str, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"the {what} in its schema must be text, got {value!r:.40}")  # noqa: TRY004 - a value of the file
    return value
