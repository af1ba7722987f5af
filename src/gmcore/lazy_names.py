"""Lazy names of a package (PEP 562): a name's module is imported when the name is first used."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return the function `__getattr__` of a package, which also imports its names for type checkers.

    Args:
        package: the package's `__name__`.
        homes: the module of each name, relative to the package.
    """

    def imported(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return imported
