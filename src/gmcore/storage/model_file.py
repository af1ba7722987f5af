"""The model file: weights, configuration and schema as one safetensors file, without executable content."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from gmcore.domain import Schema, Variables
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import InputError, ModelFileError
from gmcore.storage.files import printable
from gmcore.storage.output_file import write_output
from gmcore.storage.regular_file import read_regular
from gmcore.storage.schema_header import SchemaHeader
from gmcore.storage.sealed import Readers, opened, sealed

__all__ = ["FORMAT", "READERS", "ModelHeader", "read_model", "write_model"]

FORMAT = 4
"""Changes with the layout of the file: its trees, the keys of its header, or what they mean."""

READERS: Readers = {
    2: lambda file: file,  # format 3 adds the tree `shared`, which a model need not have
    3: lambda file: file,  # format 4 adds tensors and the shape of the target, which a schema need not have
}
"""What brings a model of an earlier format into the next one.

Format 1 had no checksum, and its arrays and options were renamed while it was in use, so it is not read.
"""

_KEY = "gmcore"
_ADVICE = "train it again, or load it with the version that wrote it"
_TREES = {"params", "buffers", "shared"}
_DEEPEST = 100  # dots in the name of an array


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
        FormatError: if it has a later format, or an older one that can't be read.
        ModelFileError: if it is absent, damaged, or from another program.
    """
    what = printable(path)
    try:
        content = read_regular(path)
    except FileNotFoundError as error:
        raise ModelFileError(f"cannot read the model {what}: {error.strerror}") from error
    except InputError as error:
        raise ModelFileError(f"{error}: pass the model.safetensors of a run folder") from error
    try:
        arrays, about = opened(content, key=_KEY, known=FORMAT, what=what, readers=READERS, advice=_ADVICE)
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
