"""Bars on stderr, where it is a terminal."""

from gmcore.domain import Hooks
from gmcore.registry import PluginRegistry, compile_hooks

__all__ = ["progress"]


def progress(registry: PluginRegistry) -> Hooks:
    """Return the listeners that draw bars."""
    return compile_hooks(["progress"], registry.hooks)
