"""The model file: weights, configuration and schema as one safetensors file, without executable content."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import attrs
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gmcore.domain import Feature, Kind, Schema, Target, TargetKind, Variables
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import ModelFileError
from gmcore.storage.files import write_whole

__all__ = ["FORMAT", "ModelHeader", "SchemaHeader", "metadata_of", "read_model", "schema_from", "write_model"]

FORMAT = 1


class _FeatureEntry(TypedDict):
    name: str
    kind: str
    categories: Sequence[str]


class _TargetEntry(TypedDict):
    names: Sequence[str]
    kind: str
    classes: Sequence[str]


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
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    arrays = {name: np.asarray(array, order="C") for name, array in flat.items()}
    write_whole(path, save(arrays, metadata={"gmcore": text}))


def read_model(path: Path) -> tuple[Variables, ModelHeader]:
    """Return a model's variables, as NumPy arrays, and its header.

    Raises:
        ModelFileError: if the file is absent, damaged, from another program, or in a later format.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read the model {path}: {error.strerror or error}") from error
    try:
        arrays = load(content)
        about = json.loads(metadata_of(content)["gmcore"])
        tree = tree_unflatten({name: arrays[name] for name in about.pop("order", sorted(arrays))})
        header: ModelHeader = about
        found = header.get("format")
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(
            f"{path} is not a model that gmcore saved, or it is damaged ({error}): "
            "pass the model.safetensors of a run folder"
        ) from error
    if found != FORMAT:
        raise ModelFileError(f"{path} has format {found}, this gmcore reads format {FORMAT}: install a newer gmcore")
    return Variables(tree.get("params", {}), tree.get("buffers", {})), header


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
        target=Target(names=tuple(target["names"]), kind=TargetKind(target["kind"]), classes=tuple(target["classes"])),
        group=schema["group"],
        time=schema["time"],
    )


def metadata_of(content: bytes) -> Mapping[str, str]:
    """Return the metadata of a safetensors file: JSON after an 8-byte length (safetensors format specification)."""
    length = int.from_bytes(content[:8], "little")
    metadata: Mapping[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return metadata
