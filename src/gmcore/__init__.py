"""Train fleets of models with plugins for data, models, validation and compute.

    import gmcore

    done = gmcore.train("run.toml")            # or gmcore.train(X, y, model={"use": "mlp", "hidden": [64]})
    done = gmcore.cross_validate("run.toml")   # every fold at once
    done = gmcore.search("run.toml")           # every setting that [search] names, the best one trained
    model = gmcore.load("runs/…/model.safetensors")
    gmcore.float32.model_providers.create("mlp", hidden=(64, 32))

Importing this imports nothing else: each name is loaded when it is first used.
"""

# A variable of this name is true to type checkers; `typing` itself costs more than all the rest of this import.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from gmcore.app.api import cross_validate, search, train
    from gmcore.app.records.trained_model import load
    from gmcore.registry import PluginRegistry, hookimpl

    float32: PluginRegistry
    float64: PluginRegistry
    Float32Registry: PluginRegistry
    Float64Registry: PluginRegistry

__version__ = "0.1.0"

__all__ = [
    "Float32Registry",
    "Float64Registry",
    "__version__",
    "cross_validate",
    "float32",
    "float64",
    "hookimpl",
    "load",
    "search",
    "train",
]

_ALIASES = {"Float32Registry": "float32", "Float64Registry": "float64"}


def __getattr__(name: str) -> "Any":
    """Load a public name at its first use (PEP 562)."""
    value = _loaded(_ALIASES.get(name, name))
    globals()[name] = value
    return value


def _loaded(name: str) -> "Any":
    # Imports stand inside because laziness is the point: `import gmcore` costs a millisecond.
    if name in ("float32", "float64"):
        from gmcore.registry.plugins import plugin_registry  # noqa: PLC0415

        return plugin_registry("float64" if name == "float64" else "float32")
    homes = {
        "train": "gmcore.app.api",
        "cross_validate": "gmcore.app.api",
        "search": "gmcore.app.api",
        "load": "gmcore.app.records.trained_model",
        "hookimpl": "gmcore.registry",
    }
    if name in homes:
        from importlib import import_module  # noqa: PLC0415

        return getattr(import_module(homes[name]), name)
    raise AttributeError(f"module 'gmcore' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
