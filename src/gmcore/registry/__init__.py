"""How plugins are found, named, checked and built; the only user of pluggy."""

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
    """Import on first use: listing plugins needs neither cattrs nor pluggy nor NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only where something is looked up

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
