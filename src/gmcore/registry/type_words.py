"""Names of types in error messages, such as `must be a list of numbers, got 'x'`."""

import types
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from pathlib import Path
from typing import Literal, Union, get_args, get_origin

import attrs

from gmcore.registry.kinds import KINDS

__all__ = ["MAPPINGS", "SEQUENCES", "UNIONS", "expected", "origin", "with_article"]

_LONGEST = 60
_MOST_BITS = 8192
SEQUENCES = (tuple, list, Sequence, MutableSequence)
MAPPINGS = (dict, Mapping, MutableMapping)
UNIONS = (Union, types.UnionType)
_TITLES = {kind.port: kind.title for kind in KINDS.values()}
_WORDS: dict[object, tuple[str, str]] = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    Path: ("a path", "paths"),
    type(None): ("none", "none"),
}


def origin(kind: object) -> object:
    """Return a generic type without its arguments, or any other type itself."""
    return get_origin(kind) or kind


def expected(kind: object, value: object) -> ValueError:
    """Return the error for a value that does not have a type."""
    shown = _shown(value)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}…"
    return ValueError(f"must be {_word(kind)}, got {shown}")


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a table"
    # Python refuses to print whole numbers of more than 4,300 digits.
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"a number of {value.bit_length()} bits"
    return repr(value)


def _word(kind: object) -> str:
    """Return the name of a type's values in messages."""
    bare, arguments = origin(kind), get_args(kind)
    if kind in _WORDS:
        return _WORDS[kind][0]
    if bare in SEQUENCES:
        return f"a list of {_WORDS[arguments[0]][1]}" if arguments and arguments[0] in _WORDS else "a list"
    if bare is Literal:
        return " or ".join(map(repr, arguments))
    if bare in UNIONS:
        return " or ".join(dict.fromkeys(_word(member) for member in arguments if member is not types.NoneType))
    if bare in MAPPINGS or (isinstance(bare, type) and attrs.has(bare)):
        return "a table"
    name = str(getattr(bare, "__name__", bare))
    return with_article(_TITLES.get(name, name))


def with_article(noun: str) -> str:
    """Return a noun after `a` or `an`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
