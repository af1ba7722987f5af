"""Trains fleets of models, with plugins for data, models, cross-validation and backends.

    import gmcore

    done = gmcore.train("run.toml")            # or gmcore.train(X, y, model={"use": "mlp", "hidden": [64]})
    done = gmcore.cross_validate("run.toml")   # all folds as one fleet
    done = gmcore.search("run.toml")           # scores the settings in [search] and trains the best
    found = gmcore.find_rate("run.toml")       # the loss at many learning rates, and the one to use
    model = gmcore.load("runs/…/model.safetensors")
    gmcore.float32.model_providers.create("mlp", hidden=(64, 32))

`import gmcore` imports no other module: each name is imported at its first use.
"""

# Type checkers take a variable of this name as true; importing `typing` takes longer than the rest of this module.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from gmcore.app.api import cross_validate, find_rate, search, train
    from gmcore.app.records.trained_model import load
    from gmcore.builtins.series import windowed_rows
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
    "find_rate",
    "float32",
    "float64",
    "hookimpl",
    "load",
    "search",
    "train",
    "windowed_rows",
]

_ALIASES = {"Float32Registry": "float32", "Float64Registry": "float64"}


def __getattr__(name: str) -> object:
    """Import a public name at its first use (PEP 562)."""
    value = _imported(_ALIASES.get(name, name))
    globals()[name] = value
    return value


def _imported(name: str) -> object:
    # Imports are inside the function, so that `import gmcore` takes a millisecond.
    if name in ("float32", "float64"):
        from gmcore.registry.plugins import plugin_registry  # noqa: PLC0415

        return plugin_registry("float64" if name == "float64" else "float32")
    modules = {
        "train": "gmcore.app.api",
        "cross_validate": "gmcore.app.api",
        "find_rate": "gmcore.app.api",
        "search": "gmcore.app.api",
        "load": "gmcore.app.records.trained_model",
        "hookimpl": "gmcore.registry",
        "windowed_rows": "gmcore.builtins.series",
    }
    if name in modules:
        from importlib import import_module  # noqa: PLC0415

        return getattr(import_module(modules[name]), name)
    raise AttributeError(f"module 'gmcore' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
