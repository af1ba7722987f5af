"""A trained model, ready to predict from raw rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gmcore.app.composing.backends import choose_backend
from gmcore.app.composing.builder import Builder
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Rows, Schema, Variables
from gmcore.domain.tree import tree_flatten
from gmcore.errors import DataError, ModelFileError
from gmcore.ports import Backend, Model, SupportsSchema
from gmcore.registry import plugin_registry
from gmcore.storage.model_file import read_model, schema_from, write_model
from gmcore.training.evaluate import predict

__all__ = ["TrainedModel", "load"]


@attrs.frozen(kw_only=True, eq=False)
class TrainedModel:
    """A model with its weights and the schema of the rows it was trained on.

    Attributes:
        model: the function.
        variables: what it learnt, NumPy arrays.
        backend: where it predicts.
        header: what its file says of it: the model's name and options, how to read data, the seed.
    """

    model: Model
    variables: Variables
    backend: Backend
    header: Mapping[str, Any]

    @property
    def schema(self) -> Schema:
        """The columns it was trained on."""
        return self.model.schema

    def predict(self, rows: Any) -> np.ndarray:
        """Return a class name a row, `(rows,)`, or values, `(rows,)`, or `(rows, targets)` if there are several.

        Args:
            rows: `(rows, features)` in the order of the schema; a mapping from name to column; a
                data frame; or `Rows`.

        Raises:
            DataError: if the columns are not those of the schema.
        """
        return self.named(self.predict_numbers(rows))

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return a probability a row and class, `(rows, classes)`, float64; rows as in `predict`.

        Raises:
            DataError: if the model predicts values, not classes.
        """
        if not self.schema.target.is_classification:
            raise DataError("this model predicts values, which have no probabilities: use predict")
        return self.predict_numbers(rows)

    def predict_numbers(self, rows: Any) -> np.ndarray:
        """Return probabilities, `(rows, classes)`, or values, `(rows, targets)`, float64."""
        return predict(self.backend, self.model, self.variables, self._encoded(rows))

    def named(self, numbers: np.ndarray) -> np.ndarray:
        """Return what `predict` returns for what `predict_numbers` returned."""
        target = self.schema.target
        if target.is_classification:
            names: np.ndarray = np.array(target.classes)[numbers.argmax(axis=1)]
            return names
        values: np.ndarray = numbers[:, 0] if target.width == 1 else numbers
        return values

    def read(self, path: str | Path, **options: object) -> Rows:
        """Return the rows of a file, read the way the training data was.

        Raises:
            DataError: if the file or its columns are not what the model needs.
        """
        told = {**self.header.get("data", {}), "path": str(Path(path).resolve()), **options}
        registry = plugin_registry(self.backend.dtype)
        builder = Builder(registry=registry)
        data = builder.component(registry.data_providers, told, "data")
        builder.finish("")
        if not isinstance(data, SupportsSchema):
            raise DataError(f"the data provider {told.get('use')!r} cannot read rows to predict")
        return data.rows_like(self.schema)

    def save(self, path: str | Path) -> None:
        """Write it as one `.safetensors` file that any backend can load.

        Raises:
            OutputError: if the place does not take it.
        """
        about = {name: value for name, value in self.header.items() if name not in ("format", "schema")}
        write_model(Path(path), self.variables, schema=self.schema, **about)

    def _encoded(self, rows: Any) -> Rows:
        if isinstance(rows, Rows) and rows.schema == self.schema:
            return rows
        return ArrayData(rows).rows_like(self.schema)


def load(path: str | Path, *, backend: str | Mapping[str, Any] = "auto") -> TrainedModel:
    """Return the model of a `model.safetensors`, or of the run folder that holds one.

    Args:
        path: the file or the folder.
        backend: where it shall predict, as in a run file.

    Raises:
        ModelFileError: if it can't be read.
        UnknownNameError: if the plugin that made the model is not installed.
    """
    path = Path(path)
    path = path / "model.safetensors" if path.is_dir() else path
    variables, header = read_model(path)
    try:
        told, dtype, schema = dict(header["model"]), header["dtype"], schema_from(header)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path} does not say what its model is: {error} is missing or wrong") from error
    registry = plugin_registry(dtype)
    table = {"use": backend} if isinstance(backend, str) else backend
    chosen = choose_backend(registry, table, precision=header.get("precision"))
    builder = Builder(registry=registry)
    provider = builder.component(registry.model_providers, told, "model")
    builder.finish(str(path))
    assert provider is not None  # noqa: S101 - finish raises otherwise
    model = provider.create(schema)
    _check_shapes(model, variables, path)
    return TrainedModel(model=model, variables=variables, backend=chosen.backend, header=header)


def _check_shapes(model: Model, variables: Variables, path: Path) -> None:
    """Refuse weights that another model has: tried on a fresh set of variables."""
    fresh = model.init(np.random.default_rng(0))
    for name in ("params", "buffers"):
        if _shapes(getattr(fresh, name)) != _shapes(getattr(variables, name)):
            raise ModelFileError(f"the weights in {path} are not those of the model it names: it is damaged or edited")


def _shapes(tree: Any) -> Any:
    return {name: leaf.shape for name, leaf in tree_flatten(tree).items()}
