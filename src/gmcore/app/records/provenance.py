"""The provenance of a run: the facts that explain why two runs differ, and its configuration as a run file."""

import hashlib
import importlib.metadata
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import attrs
import numpy as np
import tomli_w

from gmcore.app.composing.run import Run
from gmcore.app.composing.run_config import spelt_out
from gmcore.app.records.component_table import component_table
from gmcore.app.records.distributions import distributions_of, with_nested
from gmcore.app.records.environment import Environment, environment
from gmcore.domain import Fold, Member
from gmcore.registry import unstructure

__all__ = [
    "FORMAT",
    "BackendFacts",
    "Provenance",
    "given_text",
    "precision",
    "provenance",
    "resolved",
    "rows_sha256",
    "toml_text",
    "training_tables",
    "without_none",
]

FORMAT = 2

_PLAIN = (str, bool, int, float)
_PACKAGES = ("gmcore", "numpy", "safetensors", "attrs", "pluggy")


class BackendFacts(TypedDict):
    """The name and the device of a backend."""

    name: str
    device: str


class ChosenBackendFacts(BackendFacts):
    """A backend, and why it was chosen."""

    why: str


class Provenance(TypedDict):
    """The content of `provenance.json`.

    Keys:
        format: version of the run folder's format.
        command: `"train"`, `"validate"` or `"search"`.
        seed: seed of the run.
        dtype: dtype of the run.
        backend: the backend, its device, and why it was chosen.
        compute: facts that the backend reports, such as versions.
        data: facts that the data provider reports, such as the hash of its content.
        rows_sha256: hash of the row indices of the members or folds.
        config_sha256: hash of `config.toml`; the run folder adds it.
        python: version of Python.
        platform: name of the operating system, with its version.
        packages: versions of gmcore and its dependencies.
        plugins: versions of the distributions of the run's plugins.
        environment: the machine and its settings.
    """

    format: int
    command: str
    seed: int
    dtype: str
    backend: ChosenBackendFacts
    compute: Mapping[str, object]
    data: Mapping[str, object]
    rows_sha256: str
    config_sha256: NotRequired[str]
    python: str
    platform: str
    packages: Mapping[str, str]
    plugins: Mapping[str, str]
    environment: Environment


def provenance(run: Run, command: str, parts: Sequence[Member | Fold]) -> Provenance:
    """Return the provenance of a run.

    Args:
        run: the run.
        command: `"train"`, `"validate"` or `"search"`.
        parts: its members or folds, whose rows are hashed.
    """
    return {
        "format": FORMAT,
        "command": command,
        "seed": run.config.seed,
        "dtype": run.config.dtype,
        "backend": {"name": run.chosen.backend.name, "device": run.chosen.backend.device, "why": run.chosen.why},
        "compute": dict(run.chosen.backend.provenance()),
        "data": dict(run.data.metadata),
        "rows_sha256": rows_sha256(parts),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "plugins": _plugins(run),
        "environment": environment(),
    }


def toml_text(run: Run) -> str:
    """Return the run's configuration as the text of a run file, with all options of all components.

    A component that was given as an object gets the registered name of its class.
    """
    config, training = run.config, training_tables(run)
    tables = {
        **{name: training[name] for name in ("seed", "dtype", "backend")},
        "data": resolved(run, config.data, run.data),
        **training,
        "validation": resolved(run, config.validation, run.trainee.validator),
        "hooks": {"use": [dict(table) for table in config.hooks.use if isinstance(table, Mapping)]},
        "engine": resolved(run, config.engine, run.engine),
    }
    return tomli_w.dumps(without_none(tables))


def training_tables(run: Run) -> dict[str, object]:
    """Return the tables that say how models are made, trained and scored, also with values that TOML does not have."""
    config, trainee = run.config, run.trainee
    training = unstructure(attrs.evolve(config.training, optimizer=None, schedule=None, gradients=None, workflow=None))
    return {
        "seed": config.seed,
        "dtype": config.dtype,
        "backend": _backend(run),
        "model": resolved(run, config.model, trainee.model_provider),
        "training": {
            **training,
            **precision(run),
            "optimizer": resolved(run, config.training.optimizer, trainee.optimizer),
            "schedule": resolved(run, config.training.schedule, trainee.schedule),
            "gradients": resolved(run, config.training.gradients, trainee.gradients),
            "workflow": resolved(run, config.training.workflow, trainee.workflow),
        },
        "metrics": {
            "use": [resolved(run, given, one) for given, one in zip(config.metrics.use, run.metrics, strict=True)]
        },
    }


def given_text(run: Run) -> str:
    """Return the run's configuration as the text of a run file, with only the options that were given.

    A search adds the settings of a trial to it; the defaults of other options may depend on them. The backend is the
    chosen one, and paths are absolute.
    """
    tables, trainee = spelt_out(run.tables), run.trainee
    components = {
        "data": run.data,
        "model": trainee.model_provider,
        "validation": trainee.validator,
        "engine": run.engine,
    }
    for name, component in components.items():
        if name in tables:
            tables[name] = _as_given(run, tables[name], component)
    training = tables.get("training", {})
    assert isinstance(training, Mapping)  # noqa: S101 - the configuration was checked
    parts = {
        "optimizer": trainee.optimizer,
        "schedule": trainee.schedule,
        "gradients": trainee.gradients,
        "workflow": trainee.workflow,
    }
    components = {name: _as_given(run, training[name], part) for name, part in parts.items() if name in training}
    tables |= {"backend": _backend(run), "training": {**training, **components, **precision(run)}}
    search = tables.get("search")
    if isinstance(search, Mapping) and "strategy" in search:
        tables["search"] = {**search, "strategy": _as_given(run, search["strategy"], run.strategy)}
    for name in ("metrics", "hooks"):
        table = tables.get(name)
        if isinstance(table, Mapping) and table:
            tables[name] = {**table, "use": [one for one in table["use"] if isinstance(one, Mapping)]}
    return tomli_w.dumps(without_none(tables))


def _as_given(run: Run, given: object, component: object) -> dict[str, object]:
    """Return a component's table with the options that were given, or with all options if it was given as an object."""
    full = resolved(run, given, component)
    return {key: full.get(key, value) for key, value in given.items()} if isinstance(given, Mapping) else full


def resolved(run: Run, given: object, component: object) -> dict[str, object]:
    """Return a component's table with all options.

    Args:
        run: the run of the component.
        given: the table or the object in the run's configuration.
        component: the component.
    """
    return {**component_table(component, run.registry), **({"use": given["use"]} if isinstance(given, Mapping) else {})}


def precision(run: Run) -> dict[str, str]:
    """Return the entry `precision` of `[training]`, or no entry if matrices are multiplied in the dtype."""
    compute = run.chosen.backend.compute
    return {} if compute == run.config.dtype else {"precision": compute}


def _backend(run: Run) -> dict[str, object]:
    """Return the table of the chosen backend, without dtype and precision, which are other entries of a run file."""
    backend = run.chosen.backend
    options = unstructure(backend) if attrs.has(type(backend)) else {}
    other = ("dtype", "compute")
    plain = {name: value for name, value in options.items() if name not in other and isinstance(value, _PLAIN)}
    return {"use": run.chosen.name, **plain, "device": backend.device}


def without_none(tables: Mapping[str, object]) -> dict[str, object]:
    """Return tables without the values that TOML does not have, such as None."""
    return {name: _plain(value) for name, value in tables.items() if _has_toml_type(value)}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return without_none(value)
    if isinstance(value, list | tuple):
        return [_plain(child) for child in value if _has_toml_type(child)]
    return str(value) if isinstance(value, Path) else value


def _has_toml_type(value: object) -> bool:
    return isinstance(value, str | bool | int | float | Mapping | list | tuple | Path)


def rows_sha256(parts: Sequence[Member | Fold]) -> str:
    """Return a hash of the row indices of members or folds."""
    digest = hashlib.sha256()
    for part in parts:
        for name, value in attrs.asdict(part, recurse=False).items():
            if isinstance(value, np.ndarray):
                digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _plugins(run: Run) -> dict[str, str]:
    """Return the versions of all distributions that provide a component or a hook plugin of the run, except gmcore."""
    trainee = run.trainee
    components = (*attrs.astuple(trainee, recurse=False), *run.metrics, run.engine, run.strategy)
    parts = [part for component in components for part in with_nested(component)]
    # Without what is within them: the options of a data provider in code are its rows.
    parts += [run.data, run.chosen.backend]
    distributions = distributions_of(parts)
    named = [str(table["use"]) for table in run.config.hooks.use if isinstance(table, Mapping)]
    distributions |= {run.registry.hooks.info(name).distribution for name in named}
    distributions -= {"", "gmcore"}
    return {name: importlib.metadata.version(name) for name in sorted(distributions)}
