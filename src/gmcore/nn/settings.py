"""The attrs fields of components: settings that may differ between members, and components within components."""

from collections.abc import Callable
from typing import Any

import attrs

__all__ = ["instance_of_port", "member_field", "settings_of", "whole_number"]

_MEMBER = "member"


def member_field(*, default: float, validator: Callable[..., Any] | None = None) -> Any:
    """Return a keyword-only `attrs.field` of a number that may differ between the members of a fleet.

    Args:
        default: the value if none is given.
        validator: checks a value, in the form that `attrs.field` takes.
    """
    return attrs.field(default=default, validator=validator, kw_only=True, metadata={_MEMBER: True})


def instance_of_port(port: type) -> Any:
    """Return an attrs validator that accepts objects of a port, and neither their classes nor their names."""

    def check(_: object, attribute: "attrs.Attribute[object]", value: object) -> None:
        if isinstance(value, type) or not isinstance(value, port):
            kind = port.__name__.lower()
            hint = f": create an object, {value.__name__}()" if isinstance(value, type) else ""
            raise ValueError(f"{attribute.alias} must be a {kind} object, got {value!r:.60}{hint}")  # noqa: TRY004 - like attrs

    return check


def whole_number(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    """Check, as an attrs validator, that a value is a whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{attribute.name} must be a whole number of at least 1, got {value!r:.60}")


def settings_of(component: Any) -> dict[str, float]:
    """Return the values of the fields made with `member_field`, by name and in the order of their definition."""
    fields = attrs.fields(type(component))
    return {field.name: getattr(component, field.name) for field in fields if field.metadata.get(_MEMBER)}
