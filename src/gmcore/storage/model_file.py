"""A trained model as one file: weights, configuration and schema, and nothing that can run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gmcore.domain import Feature, Kind, Schema, Target, TargetKind, Variables
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import ModelFileError
from gmcore.storage.files import write_whole

__all__ = ["FORMAT", "metadata_of", "read_model", "schema_from", "write_model"]

FORMAT = 1


def write_model(path: Path, variables: Variables, *, schema: Schema, **about: object) -> None:
    """Write a model; the same content gives the same bytes.

    Args:
        path: where, by custom ending in `.safetensors`.
        variables: NumPy arrays.
        schema: the columns it was trained on.
        about: what else belongs to it: JSON values, such as the model's name and settings.
    """
    flat = tree_flatten({"params": variables.params, "buffers": variables.buffers})
    # Safetensors forgets the order, and a library may compute a tree in another order with other last bits.
    header = {"format": FORMAT, "schema": attrs.asdict(schema), "order": list(flat), **about}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    arrays = {name: np.asarray(array, order="C") for name, array in flat.items()}
    write_whole(path, save(arrays, metadata={"gmcore": text}))


def read_model(path: Path) -> tuple[Variables, dict[str, Any]]:
    """Return a model's variables, as NumPy arrays, and its header.

    Raises:
        ModelFileError: if it is absent, damaged, of another program, or of a later format.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read the model {path}: {error.strerror or error}") from error
    try:
        arrays = load(content)
        header = json.loads(metadata_of(content)["gmcore"])
        tree = tree_unflatten({name: arrays[name] for name in header.pop("order", sorted(arrays))})
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(
            f"{path} is not a model that gmcore saved, or it is damaged ({error}): "
            "give the model.safetensors of a run folder"
        ) from error
    if header.get("format") != FORMAT:
        raise ModelFileError(
            f"{path} has format {header.get('format')}, this gmcore reads format {FORMAT}: install a newer gmcore"
        )
    return Variables(tree.get("params", {}), tree.get("buffers", {})), header


def schema_from(header: Mapping[str, Any]) -> Schema:
    """Return the schema that a model's header tells of."""
    told = header["schema"]
    features = tuple(
        Feature(name=one["name"], kind=Kind(one["kind"]), categories=tuple(one["categories"]))
        for one in told["features"]
    )
    target = told["target"]
    return Schema(
        features=features,
        target=Target(names=tuple(target["names"]), kind=TargetKind(target["kind"]), classes=tuple(target["classes"])),
        group=told["group"],
        time=told["time"],
    )


def metadata_of(content: bytes) -> Mapping[str, str]:
    """Return the metadata of a safetensors file: JSON behind an 8-byte length (safetensors' format page)."""
    length = int.from_bytes(content[:8], "little")
    metadata: Mapping[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return metadata
