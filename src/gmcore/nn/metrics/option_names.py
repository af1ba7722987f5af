"""The name of a metric with options, made of those that were set."""

from collections.abc import Container
from typing import Any, ClassVar

import attrs

__all__ = ["NamedByOptions"]


class NamedByOptions:
    """A metric whose name is its kind, and the values of the options that differ from their defaults.

    `"ece"` with default options, `"ece_10"` with ten bins: two metrics with different options never share a name.
    """

    kind: ClassVar[str]
    """The metric's name with default options."""
    unnamed: ClassVar[Container[str]] = ()
    """The options that are not part of the name."""

    @property
    def name(self) -> str:
        """The name of the number."""
        own: Any = type(self)  # an attrs class, which its base can't say
        fields = (field for field in attrs.fields(own) if field.init and field.name not in self.unnamed)
        values = ((getattr(self, field.name), field.default) for field in fields)
        return "_".join((self.kind, *(str(value).removesuffix(".0") for value, default in values if value != default)))
