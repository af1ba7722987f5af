"""What a run was made of: enough to tell why two runs differ."""

import hashlib
import importlib.metadata
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import tomli_w

from gmcore.app.run import Run
from gmcore.registry import unstructure

__all__ = ["provenance", "toml_text"]

_PACKAGES = ("gmcore", "numpy", "safetensors", "attrs", "pluggy")


def provenance(run: Run, command: str, parts: Mapping[str, Any]) -> dict[str, object]:
    """Return versions, device, data and split hashes, seed.

    Args:
        run: what is run.
        command: `"train"` or `"validate"`.
        parts: the members or folds, whose rows are hashed.
    """
    return {
        "command": command,
        "seed": run.config.seed,
        "dtype": run.config.dtype,
        "backend": {"name": run.chosen.backend.name, "device": run.chosen.backend.device, "why": run.chosen.why},
        "compute": dict(run.chosen.backend.provenance()),
        "data": dict(run.data.metadata),
        "rows_sha256": {name: _rows_sha256(part) for name, part in parts.items()},
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "plugins": _plugins(run),
    }


def toml_text(run: Run) -> str:
    """Return the run's configuration as a run file, every option of every component spelt out.

    A component that was given as an object is named by its class.
    """
    config = run.config
    resolved: dict[str, Any] = {
        "seed": config.seed,
        "dtype": config.dtype,
        "backend": {"use": run.chosen.backend.name, "device": run.chosen.backend.device},
        "data": _component(config.data, run.data),
        "model": _component(config.model, run.model_provider),
        "training": {
            **unstructure(config.training),
            "optimizer": {"name": config.training.optimizer["name"], **unstructure(run.optimizer)},
            "schedule": {"name": config.training.schedule["name"], **unstructure(run.schedule)},
        },
        "validation": _component(config.validation, run.validator),
        "metrics": {
            "use": [_component(table, one) for table, one in zip(config.metrics.use, run.metrics, strict=True)]
        },
    }
    return tomli_w.dumps(_without_none(resolved))


def _component(table: Mapping[str, Any], component: object) -> dict[str, Any]:
    options = unstructure(component) if attrs.has(type(component)) else {}
    return {"use": table["use"], **options}


def _without_none(value: Any) -> Any:
    """Return `value` without what TOML cannot say: absent and unset are one there."""
    if isinstance(value, Mapping):
        return {name: _without_none(child) for name, child in value.items() if _sayable(child)}
    if isinstance(value, list | tuple):
        return [_without_none(child) for child in value]
    return str(value) if isinstance(value, Path) else value


def _sayable(value: object) -> bool:
    return isinstance(value, str | bool | int | float | Mapping | list | tuple | Path)


def _rows_sha256(part: Any) -> str:
    """Return a hash over the row indices of a member, or of every fold."""
    digest = hashlib.sha256()
    for one in part if isinstance(part, list) else [part]:
        for field in attrs.fields(type(one)):
            value = getattr(one, field.name)
            if isinstance(value, np.ndarray):
                digest.update(field.name.encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _plugins(run: Run) -> dict[str, str]:
    """Return the version of every distribution that a component of this run comes from."""
    parts = (run.data, run.model_provider, run.validator, run.chosen.backend, run.workflow, *run.metrics)
    packages = {type(part).__module__.partition(".")[0] for part in parts} - {"gmcore"}
    owners = importlib.metadata.packages_distributions()
    distributions = {owner for package in packages for owner in owners.get(package, ())}
    return {name: importlib.metadata.version(name) for name in sorted(distributions)}
