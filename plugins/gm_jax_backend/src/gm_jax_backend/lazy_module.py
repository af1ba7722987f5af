"""A module that is imported when it is first used, so that the class of the backend can be loaded without JAX."""

import importlib

__all__ = ["LazyModule"]


class LazyModule:
    """Stands for a module; it is imported at the first use of one of its attributes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value
