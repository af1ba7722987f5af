"""The plugin registry: finds, names, checks and builds components; the only package that uses pluggy and cattrs."""

import typing

if typing.TYPE_CHECKING:
    from gmcore.registry.config import structure, unstructure
    from gmcore.registry.entry import EntryInfo, State
    from gmcore.registry.hooks import compile_hooks, hookimpl
    from gmcore.registry.plugins import PluginRegistry, plugin_registry
    from gmcore.registry.registry import Registry

__all__ = [
    "EntryInfo",
    "PluginRegistry",
    "Registry",
    "State",
    "compile_hooks",
    "hookimpl",
    "plugin_registry",
    "structure",
    "unstructure",
]

_HOMES = {
    "EntryInfo": "entry",
    "PluginRegistry": "plugins",
    "Registry": "registry",
    "State": "entry",
    "compile_hooks": "hooks",
    "hookimpl": "hooks",
    "plugin_registry": "plugins",
    "structure": "config",
    "unstructure": "config",
}


def __getattr__(name: str) -> object:
    """Import a name at its first use: listing plugins needs neither cattrs nor pluggy nor NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - used at the first access of a name only

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
