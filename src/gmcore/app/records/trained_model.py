"""A trained model, which predicts from raw rows, and its model file."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np

from gmcore.app.composing.backends import choose_backend
from gmcore.app.composing.builder import Builder
from gmcore.app.records.component_table import component_table, save_problems
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Rows, Schema, Shape, Tree, Variables
from gmcore.domain.tree import tree_flatten
from gmcore.errors import ConfigError, DataError, ModelFileError
from gmcore.ports import Backend, DataProvider, Model, ModelProvider, SupportsSchema
from gmcore.registry import PluginRegistry, plugin_registry
from gmcore.registry.port_check import implements
from gmcore.storage.model_file import read_model, schema_from, write_model
from gmcore.training.evaluate import predict

__all__ = ["TrainedModel", "load"]


@attrs.frozen(kw_only=True, eq=False)
class TrainedModel:
    """A model with its trained variables.

    Attributes:
        model: the model.
        variables: its trained variables, NumPy arrays.
        backend: the backend that computes predictions.
        provider: the provider that created the model; a model file stores its table.
        reading: the table of the data provider that reads files for prediction, without paths.
        seed: seed of the run that trained it.
    """

    model: Model
    variables: Variables
    backend: Backend
    provider: ModelProvider
    reading: Mapping[str, object] = attrs.field(factory=lambda: {"use": "csv"})
    seed: int = 0

    @property
    def schema(self) -> Schema:
        """The schema of the rows that it was trained on."""
        return self.model.schema

    def predict(self, rows: object) -> np.ndarray:
        """Return a class name per row, `(rows,)`, or values, `(rows,)`, or `(rows, targets)` for several targets.

        Args:
            rows: an array `(rows, features)` with the columns of the schema, in order; a mapping from name to column; a
                data frame; `Rows`; or a data provider that `SupportsSchema`.

        Raises:
            DataError: if the columns do not match the schema.
        """
        return self.named(self.predict_numbers(rows))

    def predict_proba(self, rows: object) -> np.ndarray:
        """Return class probabilities, `(rows, classes)`, float64; rows as in `predict`.

        Raises:
            DataError: if the model is not a classifier.
        """
        if not self.schema.target.is_classification:
            raise DataError("predict_proba requires a classification model, this one predicts values: use predict")
        return self.predict_numbers(rows)

    def predict_numbers(self, rows: object) -> np.ndarray:
        """Return probabilities, `(rows, classes)`, or values, `(rows, targets)`, float64; rows as in `predict`."""
        return predict(self.backend, self.model, self.variables, self._encoded(rows))

    def named(self, numbers: np.ndarray) -> np.ndarray:
        """Return the result of `predict` for the result of `predict_numbers`."""
        target = self.schema.target
        if target.is_classification:
            names: np.ndarray = np.array(target.classes)[numbers.argmax(axis=1)]
            return names
        values: np.ndarray = numbers[:, 0] if target.width == 1 else numbers
        return values

    def read(self, path: str | Path, **options: object) -> Rows:
        """Return the rows of a file, read with the options of the training data.

        Raises:
            DataError: if the file can't be read, or its columns do not match the schema.
        """
        table = {**self.reading, "path": str(Path(path).resolve()), **options}
        registry = plugin_registry(self.backend.dtype)
        builder = Builder(registry=registry)
        data = builder.component(registry.data_providers, table, "data")
        builder.finish("")
        return self._rows_of(data)

    def save(self, path: str | Path) -> None:
        """Write the model to one `.safetensors` file, which any backend can load.

        Raises:
            ConfigError: if the file could not be loaded, because the class of a component is not registered.
            OutputError: if the file can't be written.
        """
        registry, dtype, compute = plugin_registry(self.backend.dtype), self.backend.dtype, self.backend.compute
        check_saveable(self.provider, self.reading, registry)
        write_model(
            Path(path),
            self.variables,
            schema=self.schema,
            model=component_table(self.provider, registry),
            data=dict(self.reading),
            dtype=dtype,
            **({} if compute == dtype else {"precision": compute}),
            seed=self.seed,
        )

    def _encoded(self, rows: object) -> Rows:
        if isinstance(rows, Rows) and rows.schema == self.schema:
            return rows
        # Not isinstance, which reads the properties of a provider and so loads its rows.
        if implements(type(rows), DataProvider):
            return self._rows_of(rows)
        return ArrayData(rows).rows_like(self.schema)

    def _rows_of(self, data: object) -> Rows:
        if not isinstance(data, SupportsSchema):
            raise DataError(
                f"{type(data).__name__} has no rows_like, so it can't read rows for prediction: pass arrays or a data "
                "frame"
            )
        return data.rows_like(self.schema)


def check_saveable(provider: ModelProvider, reading: Mapping[str, object], registry: PluginRegistry) -> None:
    """Check that a model file can name the components of a model and store their options.

    Raises:
        ConfigError: if the class of a component is not registered, or an option is not JSON; with all problems.
    """
    problems = [*save_problems(provider, registry, "model"), *save_problems(reading, registry, "data")]
    if problems:
        raise ConfigError(problems)


def load(path: str | Path, *, backend: str | Mapping[str, object] = "auto") -> TrainedModel:
    """Return the model in a model file, or in the `model.safetensors` of a run folder.

    Args:
        path: the file or the folder.
        backend: the backend that computes predictions, as in a run file.

    Raises:
        ModelFileError: if the file can't be read.
        UnknownNameError: if the plugin of the model's provider is not installed.
    """
    path = Path(path)
    path = path / "model.safetensors" if path.is_dir() else path
    variables, header = read_model(path)
    try:
        table, dtype, schema = dict(header["model"]), header["dtype"], schema_from(header)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"the header of {path} does not describe a model: {error} is missing or invalid"
        ) from error
    registry = plugin_registry(dtype)
    backend_table = {"use": backend} if isinstance(backend, str) else backend
    chosen = choose_backend(registry, backend_table, precision=header.get("precision"))
    builder = Builder(registry=registry)
    provider = builder.component(registry.model_providers, table, "model")
    builder.finish(str(path))
    model = provider.create(schema)
    _check_shapes(model, variables, path)
    return TrainedModel(
        model=model,
        variables=variables,
        backend=chosen.backend,
        provider=provider,
        reading=header.get("data", {"use": "csv"}),
        seed=header.get("seed", 0),
    )


def _check_shapes(model: Model, variables: Variables, path: Path) -> None:
    """Raise if the variables do not have the names and shapes of the model's initial variables."""
    initial = model.init(np.random.default_rng(0))
    for name in ("params", "buffers"):
        if _shapes(getattr(initial, name)) != _shapes(getattr(variables, name)):
            raise ModelFileError(f"the weights in {path} do not fit its model: the file is damaged or was edited")


def _shapes(tree: Tree) -> dict[str, Shape]:
    return {name: leaf.shape for name, leaf in tree_flatten(tree).items()}
