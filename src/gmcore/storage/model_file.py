"""The model file: weights, configuration and schema as one safetensors file, without executable content."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

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

FORMAT = 2

_KEY = "gmcore"
_TREES = {"params", "buffers"}
_DEEPEST = 100  # dots in the name of an array


class _FeatureEntry(TypedDict):
    name: str
    kind: str
    categories: Sequence[str]


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


class SchemaHeader(TypedDict, total=False):
    """A JSON header with a schema."""

    format: int
    schema: _SchemaEntry


class ModelHeader(SchemaHeader, total=False):
    """The JSON in a model's file, besides its arrays; a foreign or edited file may lack any key.

    `model` and `data` are the tables of the run file that build the components: `use` and the options.
    """

    model: Mapping[str, object]
    data: Mapping[str, object]
    dtype: str
    precision: str
    seed: int


def write_model(path: Path, variables: Variables, *, schema: Schema, **about: object) -> None:
    """Write a model; equal content gives equal bytes.

    Args:
        path: the file, by convention ending in `.safetensors`.
        variables: NumPy arrays.
        schema: the columns the model was trained on.
        about: further JSON values for the header, such as the model's name and settings.
    """
    flat = tree_flatten({"params": variables.params, "buffers": variables.buffers})
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
        raise ModelFileError(
            f"{what} is not a model that gmcore saved, or it is damaged ({error!s:.200}): "
            "pass the model.safetensors of a run folder"
        ) from error
    header: ModelHeader = about  # type: ignore[assignment] # any key may be absent or malformed
    return variables, header


def schema_from(header: SchemaHeader) -> Schema:
    """Return the schema in a header.

    Raises:
        KeyError, TypeError, ValueError: if it is missing or malformed.
    """
    schema = header["schema"]
    features = tuple(
        Feature(name=one["name"], kind=Kind(one["kind"]), categories=tuple(one["categories"]))
        for one in schema["features"]
    )
    target = schema["target"]
    return Schema(
        features=features,
        target=Target(
            names=tuple(target["names"]),
            kind=TargetKind(target["kind"]),
            classes=tuple(target["classes"]),
            dtype=target.get("dtype", "str"),
        ),
        group=schema["group"],
        time=schema["time"],
    )


def _variables(arrays: Mapping[str, np.ndarray], order: object) -> Variables:
    """Return the arrays as trees, in the order in which they were saved."""
    if not isinstance(order, list) or sorted(order) != sorted(arrays):
        raise ValueError("its header does not list its arrays")
    if deep := next((name for name in order if name.count(".") > _DEEPEST), None):
        raise ValueError(f"the array {deep:.40} is nested too deeply")
    tree = tree_unflatten({name: arrays[name] for name in order})
    if not set(tree) <= _TREES or not all(isinstance(branch, Mapping) for branch in tree.values()):
        raise ValueError("its arrays are not those of a model")
    return Variables(tree.get("params", {}), tree.get("buffers", {}))
