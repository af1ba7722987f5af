"""The model file: weights, configuration and schema as one safetensors file, without executable content."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict, TypeVar

import attrs
import numpy as np

from gmcore.domain import Feature, Kind, Schema, Target, TargetKind, Variables
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import InputError, ModelFileError
from gmcore.storage.files import printable
from gmcore.storage.output_file import write_output
from gmcore.storage.regular_file import read_regular
from gmcore.storage.sealed import opened, sealed

__all__ = ["FORMAT", "ModelHeader", "SchemaHeader", "read_model", "schema_from", "write_model"]

FORMAT = 3

_KEY = "gmcore"
_TREES = {"params", "buffers", "shared"}
_DEEPEST = 100  # dots in the name of an array

T = TypeVar("T")


class _FeatureEntry(TypedDict):
    name: str
    kind: str
    categories: Sequence[str]
    date_format: NotRequired[str | None]  # files from before dates were features lack it


class _TargetEntry(TypedDict):
    names: Sequence[str]
    kind: str
    classes: Sequence[str]
    dtype: NotRequired[str]  # files from before labels had a dtype lack it


class _SchemaEntry(TypedDict):
    """A `Schema` as JSON."""

    features: Sequence[_FeatureEntry]
    target: _TargetEntry
    group: str | None
    time: str | None
    id: NotRequired[str | None]  # files from before rows had ids lack it


class SchemaHeader(TypedDict, total=False):
    """A JSON header with a schema."""

    format: int
    schema: _SchemaEntry


class ModelHeader(SchemaHeader, total=False):
    """The JSON in a model's file, besides its arrays; a foreign or edited file may lack any key.

    `model` and `data` are the tables of the run file that build the components: `use` and the options. `plugins` are
    the names of the distributions that provide them, except gmcore.
    """

    model: Mapping[str, object]
    data: Mapping[str, object]
    dtype: str
    precision: str
    seed: int
    plugins: Sequence[str]


def write_model(path: Path, variables: Variables, *, schema: Schema, **about: object) -> None:
    """Write a model; equal content gives equal bytes.

    Args:
        path: the file, by convention ending in `.safetensors`.
        variables: NumPy arrays.
        schema: the columns the model was trained on.
        about: further JSON values for the header, such as the model's name and settings.
    """
    flat = tree_flatten(attrs.asdict(variables, recurse=False))
    # Safetensors does not keep the order, and some libraries round differently when a tree's order changes.
    header = {"format": FORMAT, "schema": attrs.asdict(schema), "order": list(flat), **about}
    arrays = {name: np.asarray(array, order="C") for name, array in flat.items()}
    write_output(path, sealed(arrays, key=_KEY, about=header))


def read_model(path: Path) -> tuple[Variables, ModelHeader]:
    """Return a model's variables, as NumPy arrays, and its header.

    Raises:
        ModelFileError: if the file is absent, damaged, from another program, or in a later format.
    """
    what = printable(path)
    try:
        content = read_regular(path)
    except FileNotFoundError as error:
        raise ModelFileError(f"cannot read the model {what}: {error.strerror}") from error
    except InputError as error:
        raise ModelFileError(f"{error}: pass the model.safetensors of a run folder") from error
    try:
        arrays, about = opened(content, key=_KEY, known=FORMAT, what=what)
        variables = _variables(arrays, about.pop("order"))
    except ModelFileError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # Python's own texts about types and keys say nothing about a file.
        found = f"{error!s:.200}" if isinstance(error, ValueError) else "its header is malformed"
        raise ModelFileError(
            f"{what} is not a model file of gmcore, or it is damaged ({found}): "
            "pass the model.safetensors of a run folder"
        ) from error
    header: ModelHeader = about  # type: ignore[assignment] # any key may be absent or malformed
    return variables, header


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
            target=Target(
                names=_texts(target["names"], "names of its target"),
                kind=TargetKind(target["kind"]),
                classes=_texts(target["classes"], "classes"),
                dtype=_text(target.get("dtype", "str"), "dtype of its target"),
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


def _variables(arrays: Mapping[str, np.ndarray], order: object) -> Variables:
    """Return the arrays as trees, in the order in which they were saved."""
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
        raise ValueError("its header has no list of the names of its arrays")
    if sorted(order) != sorted(arrays):
        raise ValueError("its header does not list its arrays")
    if deep := next((name for name in order if name.count(".") > _DEEPEST), None):
        raise ValueError(f"the array {deep:.40} is nested too deeply")
    tree = tree_unflatten({name: arrays[name] for name in order})
    if not set(tree) <= _TREES or not all(isinstance(branch, Mapping) for branch in tree.values()):
        raise ValueError("its arrays are not those of a model")
    return Variables(**tree)
