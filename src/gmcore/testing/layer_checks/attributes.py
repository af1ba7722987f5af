"""What an object holds, copied so that a later change shows."""

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

__all__ = ["attributes_of"]

_SEQUENCES = (list, tuple, set, frozenset)


def attributes_of(thing: object) -> object:
    """Return a copy of an object's attributes, and of theirs, that can be compared with `==`."""
    return _copied(thing, ())


def _copied(thing: Any, above: tuple[int, ...]) -> object:
    if id(thing) in above:  # a reference to an object that contains this one
        return None
    within = (*above, id(thing))
    if isinstance(thing, np.ndarray):
        return thing.dtype.str, thing.shape, thing.tobytes()
    if isinstance(thing, Mapping):
        return [(repr(name), _copied(value, within)) for name, value in thing.items()]
    if isinstance(thing, _SEQUENCES):
        return [_copied(value, within) for value in thing]
    own = _attributes(thing)
    if own is None or isinstance(thing, type):
        return repr(thing)
    return {name: _copied(value, within) for name, value in own.items()}


def _attributes(thing: Any) -> Mapping[str, object] | None:
    """Return an object's attributes by name; None for a value without any, such as a number."""
    known = dict(vars(thing)) if hasattr(thing, "__dict__") else {}
    if attrs.has(type(thing)):
        known |= {field.name: getattr(thing, field.name) for field in attrs.fields(type(thing))}
    return known or None
