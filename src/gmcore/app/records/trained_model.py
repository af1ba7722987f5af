"""A trained model, which predicts from raw rows, and its model file."""

import contextlib
import copy
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gmcore.app.composing.backends import choose_backend
from gmcore.app.composing.builder import Builder
from gmcore.app.records.component_table import component_table, save_problems
from gmcore.app.records.distributions import check_known_distributions, distributions_of, missing_noted, with_nested
from gmcore.app.records.model_checks import check_variables, checked_header
from gmcore.app.records.portable import portable
from gmcore.app.records.thread_backend import BackendSettings, ThreadBackend
from gmcore.domain import Rows, Schema, Variables
from gmcore.domain.short_repr import listed
from gmcore.errors import ConfigError, DataError, UnknownNameError
from gmcore.ports import Backend, DataProvider, Model, ModelProvider, SupportsSchema
from gmcore.registry import PluginRegistry, Registry, plugin_registry
from gmcore.registry.port_check import implements
from gmcore.storage.files import printable
from gmcore.storage.model_file import read_model, write_model
from gmcore.training.evaluate import predict

__all__ = ["TrainedModel", "load"]

_LIKELY = 0.5
"""The probability from which on a row is said to have a label."""


@attrs.frozen(kw_only=True, eq=False)
class TrainedModel:
    """A model with its trained variables.

    It predicts in any thread: in others than the one that made it with a backend of their own, whose programs are
    compiled again. It can be copied and pickled, and computes with the same kind of backend after that, or with the
    best one if that is not available.

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
    _of_thread: ThreadBackend = attrs.field(init=False, factory=ThreadBackend)

    def __attrs_post_init__(self) -> None:
        """Use the given backend in this thread."""
        self._of_thread.backend = self.backend

    def __repr__(self) -> str:
        info, target, backend = self.model.info, self.schema.target, self.backend
        classes = f" of {len(target.classes)} classes" if target.is_classification else ""
        counted = [f"{len(self.schema.features):,} features"] if self.schema.features else []
        sizes = f"{info.parameter_count:,} parameters, {', '.join([*counted, *map(str, self.schema.tensors)])}"
        computed = f"{backend.name} on {backend.device}, {backend.dtype}"
        return f"TrainedModel({info.name} with {sizes}, target {listed(target.names)}{classes}, {computed})"

    def __deepcopy__(self, memo: dict[int, object]) -> "TrainedModel":
        backend = self._of_thread.equal_to(self.backend)
        return attrs.evolve(self, variables=copy.deepcopy(self.variables, memo), backend=backend)

    def __reduce__(self) -> tuple[Callable[..., "TrainedModel"], tuple[object, ...]]:
        # The model is made anew from its provider, as from a model file; a backend can't be pickled.
        parts = (self.provider, self.schema, self.variables, BackendSettings.of(self.backend), self.reading, self.seed)
        return _unpickled, parts

    @property
    def schema(self) -> Schema:
        """The schema of the rows that it was trained on."""
        return self.model.schema

    def predict(self, rows: object) -> np.ndarray:
        """Return a class per row, `(rows,)`, or values, `(rows,)`, or `(rows, targets)` for several targets, float64.

        For several labels, whether each has a probability of a half or more, `(rows, labels)`. A target with a shape
        has these at each place, `(rows, *shape, …)`.

        Classes have the dtype of the labels in the training data; those of a file are numbers or booleans if all of
        them are written so.

        Args:
            rows: an array `(rows, features)` with the columns of the schema, in order; a mapping from name to column; a
                data frame; `Rows`; or a data provider that `SupportsSchema`.

        Raises:
            DataError: if the columns do not match the schema.
        """
        return self.named(self.predict_numbers(rows))

    def predict_proba(self, rows: object) -> np.ndarray:
        """Return the probabilities of classes or labels, `(rows, *shape, classes)`, float64; rows as in `predict`.

        Raises:
            DataError: if the model predicts numbers.
        """
        if self.schema.target.is_regression:
            raise DataError("predict_proba requires a classification model, this one predicts values: use predict")
        return self.predict_numbers(rows)

    def predict_numbers(self, rows: object) -> np.ndarray:
        """Return what the model predicts, `(rows, *output_shape)`, float64: probabilities or values; as in `predict`.

        Raises:
            DataError: if the columns do not match the schema, or a prediction is NaN or infinite.
        """
        encoded, backend = self._encoded(rows), self._of_thread.equal_to(self.backend)
        numbers = predict(backend, self.model, self.variables, encoded)
        _check_finite(numbers, backend.dtype)
        return numbers

    def named(self, numbers: np.ndarray) -> np.ndarray:
        """Return the result of `predict` for the result of `predict_numbers`."""
        target = self.schema.target
        if target.is_classification:
            labels: np.ndarray = target.labels[numbers.argmax(axis=-1)]
            return labels
        if not target.is_regression:
            return (numbers >= _LIKELY).astype(target.dtype)
        values: np.ndarray = numbers[..., 0] if target.width == 1 else numbers
        return values

    def read(self, path: str | Path, **options: object) -> Rows:
        """Return the rows of a file, read with the options of the training data.

        Raises:
            DataError: if the file can't be read, or its columns do not match the schema.
        """
        # Not `Path.resolve`, which raises for a loop of links; reading the file reports it.
        table = {**self.reading, "path": os.path.abspath(path), **options}  # noqa: PTH100
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
            model=portable(component_table(self.provider, registry), registry.model_providers, registry),
            data=portable(self.reading, registry.data_providers, registry),
            dtype=dtype,
            **({} if compute == dtype else {"precision": compute}),
            seed=self.seed,
            plugins=self._distributions(registry),
        )

    def _distributions(self, registry: PluginRegistry) -> list[str]:
        """Return the distributions of the components in the model file, except gmcore."""
        found = distributions_of(with_nested(self.provider))
        own = component_table(self.provider, registry)
        for table, names in ((own, registry.model_providers), (self.reading, registry.data_providers)):
            # A model from arrays may name a reader that is not installed.
            with contextlib.suppress(UnknownNameError):
                found.add(names.info(str(table["use"])).distribution)
        return sorted(found - {"", "gmcore"})

    def _encoded(self, rows: object) -> Rows:
        if isinstance(rows, Rows) and rows.schema == self.schema:
            return rows
        # Not isinstance, which reads the properties of a provider and so loads its rows.
        if implements(type(rows), DataProvider):
            return self._rows_of(rows)
        from gmcore.builtins.arrays import ArrayData  # noqa: PLC0415 - training on files does not need it

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
        ModelFileError: if the file can't be read, or its components are now those of another plugin.
        ConfigError: if the plugin of a component of the model is not installed.
        BackendUnavailableError: if no backend can be used.
    """
    path = _model_file(Path(path))
    variables, found = read_model(path)
    header = checked_header(found, path)
    registry = plugin_registry(header["dtype"])
    backend_table = {"use": backend} if isinstance(backend, str) else backend
    chosen = choose_backend(registry, backend_table, precision=header["precision"])
    builder = Builder(registry=registry)
    table = portable(header["model"], registry.model_providers, registry)
    components: list[tuple[object, Registry[Any]]] = [(header["model"], registry.model_providers)]
    if len(header["data"]) > 1:  # else the rows were arrays, and the reader's plugin need not have been installed
        components.append((header["data"], registry.data_providers))
    check_known_distributions(found.get("plugins"), components, f"the model {printable(path)}")
    with missing_noted(found.get("plugins"), "the model"):
        provider = builder.component(registry.model_providers, table, "model")
        builder.finish(str(path))
    model = provider.create(header["schema"])
    check_variables(model, variables, path)
    return TrainedModel(
        model=model,
        variables=variables,
        backend=chosen.backend,
        provider=provider,
        reading=portable(header["data"], registry.data_providers, registry),
        seed=header["seed"],
    )


def _check_finite(numbers: np.ndarray, dtype: str) -> None:
    """Raise if a prediction is not a number that means anything."""
    odd = np.flatnonzero(~np.isfinite(numbers).all(axis=1))
    if len(odd):
        raise DataError(
            f"the predictions of {len(odd):,} of {len(numbers):,} rows are NaN or infinite, the first of row "
            f"{odd[0] + 1:,}: numbers in the rows or the model's weights are too large for {dtype}, or missing"
        )


def _model_file(path: Path) -> Path:
    """Return the model file in a run folder, or the path itself if it is not a folder."""
    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a path that is too long
        return path
    file = path / "model.safetensors"
    if not os.path.lexists(file):
        from gmcore.app.records.run_lookup import check_has_model  # noqa: PLC0415 - used for errors only

        check_has_model(path)
    return file


def _unpickled(
    provider: ModelProvider,
    schema: Schema,
    variables: Variables,
    backend: BackendSettings,
    reading: Mapping[str, object],
    seed: int,
) -> TrainedModel:
    """Return a model from its pickled parts."""
    return TrainedModel(
        model=provider.create(schema),
        variables=variables,
        backend=backend.start(),
        provider=provider,
        reading=reading,
        seed=seed,
    )
