"""The plugin registry: finds, names, checks and builds components; the only package that uses pluggy and cattrs."""

import typing

from gmcore.lazy_names import lazy_names

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

# Listing plugins needs neither cattrs nor pluggy nor NumPy.
__getattr__ = lazy_names(
    __name__,
    {
        "EntryInfo": "entry",
        "PluginRegistry": "plugins",
        "Registry": "registry",
        "State": "entry",
        "compile_hooks": "hooks",
        "hookimpl": "hooks",
        "plugin_registry": "plugins",
        "structure": "config",
        "unstructure": "config",
    },
)
