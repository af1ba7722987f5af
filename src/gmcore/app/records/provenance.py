"""What a run was made of: enough to tell why two runs differ."""

import hashlib
import importlib.metadata
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import tomli_w

from gmcore.app.composing.run import Run
from gmcore.app.composing.run_config import spelt_out
from gmcore.app.records.environment import environment
from gmcore.registry import unstructure

__all__ = ["FORMAT", "given_text", "is_path", "precision", "provenance", "resolved", "rows_sha256", "toml_text"]

FORMAT = 1

_PLAIN = (str, bool, int, float)
_PACKAGES = ("gmcore", "numpy", "safetensors", "attrs", "pluggy")


def provenance(run: Run, command: str, parts: Sequence[Any]) -> dict[str, object]:
    """Return versions, device, data and split hashes, seed, and the settings that change bits.

    Args:
        run: what is run.
        command: `"train"`, `"validate"` or `"search"`.
        parts: the members or folds, whose rows are hashed.
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
    """Return the run's configuration as a run file, every option of every component spelt out.

    A component that was given as an object is named by its class.
    """
    config = run.config
    tables: dict[str, Any] = {
        "seed": config.seed,
        "dtype": config.dtype,
        "backend": _backend(run),
        "data": resolved(config.data, run.data),
        "model": resolved(config.model, run.model_provider),
        "training": {
            **unstructure(config.training),
            **precision(run),
            "optimizer": {"name": config.training.optimizer["name"], **unstructure(run.optimizer)},
            "schedule": {"name": config.training.schedule["name"], **unstructure(run.schedule)},
        },
        "validation": resolved(config.validation, run.validator),
        "hooks": {"use": [dict(table) for table in config.hooks.use]},
        "metrics": {"use": [resolved(table, one) for table, one in zip(config.metrics.use, run.metrics, strict=True)]},
    }
    return tomli_w.dumps(_without_none(tables))


def given_text(run: Run) -> str:
    """Return the run's configuration as a run file that says no more than was given, for settings to be written into.

    What was left to a default may depend on other settings. The backend is the one that computes, and paths are
    absolute.
    """
    tables = spelt_out(run.tables)
    components = {"data": run.data, "model": run.model_provider, "validation": run.validator}
    for name, component in components.items():
        if name in tables:
            full = resolved(tables[name], component)
            tables[name] = {key: full.get(key, value) for key, value in tables[name].items()}
    tables["backend"] = _backend(run)
    tables["training"] = {**tables.get("training", {}), **precision(run)}
    return tomli_w.dumps(_without_none(tables))


def resolved(table: Mapping[str, Any], component: Any) -> dict[str, Any]:
    """Return a component's table with every option spelt out."""
    if not attrs.has(type(component)):
        return {"use": table["use"]}
    held = {field.alias: getattr(component, field.name) for field in attrs.fields(type(component)) if field.init}
    # A run file's paths start from its folder, and this one will stand in another.
    paths = {name: _absolute(value) for name, value in held.items() if is_path(value)}
    return {"use": table["use"], **unstructure(component), **paths}


def precision(run: Run) -> dict[str, str]:
    """Return what matrices are multiplied in, as `[training]` says it; nothing where that is the dtype."""
    compute = run.chosen.backend.compute
    return {} if compute == run.config.dtype else {"precision": compute}


def is_path(value: object) -> bool:
    """Say whether an option is a path, or several."""
    return isinstance(value, Path) or (isinstance(value, tuple) and bool(value) and all(map(is_path, value)))


def _backend(run: Run) -> dict[str, Any]:
    """Return the table of the backend that computes, without what a run file says elsewhere."""
    backend: Any = run.chosen.backend
    options = unstructure(backend) if attrs.has(type(backend)) else {}
    elsewhere = ("dtype", "compute")
    told = {name: value for name, value in options.items() if name not in elsewhere and isinstance(value, _PLAIN)}
    return {"use": backend.name, **told, "device": backend.device}


def _absolute(path: Any) -> Any:
    return str(path.resolve()) if isinstance(path, Path) else [_absolute(one) for one in path]


def _without_none(value: Any) -> Any:
    """Return `value` without what TOML cannot say: absent and unset are one there."""
    if isinstance(value, Mapping):
        return {name: _without_none(child) for name, child in value.items() if _sayable(child)}
    if isinstance(value, list | tuple):
        return [_without_none(child) for child in value]
    return str(value) if isinstance(value, Path) else value


def _sayable(value: object) -> bool:
    return isinstance(value, str | bool | int | float | Mapping | list | tuple | Path)


def rows_sha256(parts: Sequence[Any]) -> str:
    """Return a hash over the row indices of members or folds."""
    digest = hashlib.sha256()
    for part in parts:
        for name, value in attrs.asdict(part, recurse=False).items():
            if isinstance(value, np.ndarray):
                digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _plugins(run: Run) -> dict[str, str]:
    """Return the version of every distribution that a component or a hook of this run comes from."""
    parts = (run.data, run.model_provider, run.validator, run.chosen.backend, run.workflow, *run.metrics)
    packages = {type(part).__module__.partition(".")[0] for part in parts} - {"gmcore"}
    owners = importlib.metadata.packages_distributions()
    distributions = {owner for package in packages for owner in owners.get(package, ())}
    distributions |= {run.registry.hooks.info(str(table["use"])).distribution for table in run.config.hooks.use}
    distributions -= {"", "gmcore"}
    return {name: importlib.metadata.version(name) for name in sorted(distributions)}
