"""Settings that may differ between the members of a fleet, marked on the attrs fields of a component."""

from collections.abc import Callable
from typing import Any

import attrs

__all__ = ["member_field", "settings_of"]

_MEMBER = "member"


def member_field(*, default: float, validator: Callable[..., Any] | None = None) -> Any:
    """Return a keyword-only `attrs.field` of a number that may differ between the members of a fleet.

    Args:
        default: the value if none is given.
        validator: checks a value, in the form that `attrs.field` takes.
    """
    return attrs.field(default=default, validator=validator, kw_only=True, metadata={_MEMBER: True})


def settings_of(component: Any) -> dict[str, float]:
    """Return the values of the fields made with `member_field`, by name and in the order of their definition."""
    fields = attrs.fields(type(component))
    return {field.name: getattr(component, field.name) for field in fields if field.metadata.get(_MEMBER)}
