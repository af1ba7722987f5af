"""The converters behind `structure` and `unstructure`: cattrs, taught to coerce nothing."""

import contextlib
import functools
import numbers
import types
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from pathlib import Path, PurePath
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.errors import BaseValidationError, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

__all__ = ["structuring", "unstructuring"]

Hook = Callable[[Any, Any], Any]

_LONGEST = 60
_SEQUENCES = (tuple, list, Sequence, MutableSequence)
_MAPPINGS = (dict, Mapping, MutableMapping)
_UNIONS = (Union, types.UnionType)
_WORDS: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    Path: ("a path", "paths"),
    type(None): ("none", "none"),
}


@functools.lru_cache(maxsize=8)
def structuring(base: Path | None) -> Converter:
    """Return the converter from plain values; relative paths start from `base`."""
    converter = Converter(structure_fallback_factory=lambda _: _instance)
    converter.register_structure_hook(bool, _exact)
    converter.register_structure_hook(str, _exact)
    converter.register_structure_hook(int, _whole)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Path, functools.partial(_path, base))
    for predicate, factory in (
        (_is_sequence, _sequence),
        (_is_mapping, _mapping),
        (_is_union, _union),
        (_is_attrs, _table),
    ):
        converter.register_structure_hook_factory(predicate, functools.partial(factory, converter))
    converter.register_structure_hook_func(_is_literal, _literal)
    return converter


@functools.cache
def unstructuring() -> Converter:
    """Return the converter to plain values."""
    converter = Converter(unstruct_collection_overrides={Sequence: list})

    def factory(cls: Any) -> Callable[[Any], dict[str, Any]]:
        inner = make_dict_unstructure_fn(cls, converter, _cattrs_use_alias=True)
        silent = {field.alias for field in attrs.fields(cls) if field.default is None}
        return lambda made: {key: value for key, value in inner(made).items() if value is not None or key not in silent}

    converter.register_unstructure_hook_factory(_is_attrs, factory)
    for kind, plain in ((numbers.Integral, int), (numbers.Real, float)):
        converter.register_unstructure_hook(kind, plain)
    converter.register_unstructure_hook(bool, bool)
    return converter


def _origin(kind: Any) -> Any:
    return get_origin(kind) or kind


def _is_sequence(kind: Any) -> bool:
    return _origin(kind) in _SEQUENCES


def _is_mapping(kind: Any) -> bool:
    return _origin(kind) in _MAPPINGS


def _is_union(kind: Any) -> bool:
    return _origin(kind) in _UNIONS


def _is_literal(kind: Any) -> bool:
    return _origin(kind) is Literal


def _is_attrs(kind: Any) -> bool:
    return isinstance(kind, type) and attrs.has(kind)


def _table(converter: Converter, cls: Any) -> Hook:
    """Structure an attrs class: all fields, all unknown keys and all validators before the first complaint."""
    attrs.resolve_types(cls)
    checked: dict[str, Any] = {
        field.name: override(struct_hook=_checked(converter, cls, field))
        for field in attrs.fields(cls)
        if field.init and field.validator is not None and field.converter is None
    }
    inner = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_use_alias=True, **checked)

    def structure_table(value: Any, _: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise _expected(cls, value)
        return inner(value, cls)

    return structure_table


def _checked(converter: Converter, cls: Any, field: Any) -> Hook:
    def structure_field(value: Any, kind: Any) -> Any:
        made = converter.structure(value, kind)
        # One that looks at other fields is asked by the constructor, when all are there.
        with contextlib.suppress(AttributeError):
            field.validator(object.__new__(cls), field, made)
        return made

    return structure_field


def _sequence(converter: Converter, kind: Any) -> Hook:
    arguments = get_args(kind) or (Any, ...)
    length = len(arguments) if _origin(kind) is tuple and arguments[-1] is not ... else None
    make: Callable[[list[Any]], Any] = list if _origin(kind) in {list, MutableSequence} else tuple

    def structure_sequence(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _expected(kind, value)
        if length not in (None, len(value)):
            raise ValueError(f"must have {length} elements, got {len(value)}")
        kinds = arguments if length else [arguments[0]] * len(value)
        return make(_elements(converter, kind, zip(range(len(value)), value, kinds, strict=True)))

    return structure_sequence


def _mapping(converter: Converter, kind: Any) -> Hook:
    key_kind, value_kind = get_args(kind) or (Any, Any)

    def structure_mapping(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _expected(kind, value)
        keys = _elements(converter, kind, ((str(key), key, key_kind) for key in value))
        values = _elements(converter, kind, ((str(key), value[key], value_kind) for key in value))
        return dict(zip(keys, values, strict=True))

    return structure_mapping


def _elements(converter: Converter, whole: Any, elements: Iterable[tuple[int | str, Any, Any]]) -> list[Any]:
    """Structure elements, given as place, value and type, with all errors at once, each with its place."""
    made, errors = [], []
    for place, value, kind in elements:
        try:
            made.append(converter.structure(value, kind))
        except Exception as error:  # noqa: BLE001 - sorted out when all are known
            error.__notes__ = [*getattr(error, "__notes__", ()), IterableValidationNote(f"at {place}", place, kind)]
            errors.append(error)
    if errors:
        raise IterableValidationError(f"in {whole}", errors, whole)
    return made


def _union(converter: Converter, kind: Any) -> Hook:
    members = [member for member in get_args(kind) if member is not types.NoneType]

    def structure_union(value: Any, _: Any) -> Any:
        # What is of a member's type already stays so: 3 is whole in `float | int`.
        if (value is None and len(members) < len(get_args(kind))) or type(value) in members:
            return value
        errors: list[Exception] = []
        for member in members:
            try:
                return converter.structure(value, member)
            except (ValueError, BaseValidationError) as error:
                errors.append(error)
        if len(members) > 1:
            # The one whose inside is wrong is what was meant: a table for a class, a list for a tuple.
            errors = [error for error in errors if isinstance(error, BaseValidationError)]
        raise errors[0] if len(errors) == 1 else _expected(kind, value)

    return structure_union


def _literal(value: Any, kind: Any) -> Any:
    for choice in get_args(kind):
        if type(value) is type(choice) and value == choice:
            return value
    raise _expected(kind, value)


def _exact(value: Any, kind: Any) -> Any:
    if isinstance(value, bool if kind is bool else str):
        return value if kind in {bool, str} else kind(value)
    raise _expected(kind, value)


def _whole(value: Any, kind: Any) -> Any:
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return kind(value)
    raise _expected(kind, value)


def _number(value: Any, kind: Any) -> Any:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            return kind(value)
    raise _expected(kind, value)


def _path(base: Path | None, value: Any, kind: Any) -> Path:
    if not isinstance(value, str | PurePath):
        raise _expected(kind, value)
    path = Path(value).expanduser()
    return base / path if base else path


def _instance(value: Any, kind: Any) -> Any:
    """Take what only code can give, such as an array, if it is of the wanted class."""
    origin = _origin(kind)
    try:
        fits = isinstance(value, origin)
    except TypeError:  # a type that can't be asked, such as a protocol that isn't checkable at run time
        return value
    if fits:
        return value
    raise _expected(kind, value)


def _expected(kind: Any, value: Any) -> ValueError:
    shown = "a table" if isinstance(value, Mapping) else repr(value)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}…"
    return ValueError(f"must be {_word(kind)}, got {shown}")


def _word(kind: Any) -> str:
    """Return what to call values of a type."""
    origin, arguments = _origin(kind), get_args(kind)
    if kind in _WORDS:
        return _WORDS[kind][0]
    if origin in _SEQUENCES:
        return f"a list of {_WORDS[arguments[0]][1]}" if arguments and arguments[0] in _WORDS else "a list"
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin in _UNIONS:
        return " or ".join(dict.fromkeys(_word(member) for member in arguments if member is not types.NoneType))
    if origin in _MAPPINGS or _is_attrs(origin):
        return "a table"
    return f"a {getattr(origin, '__name__', origin)}"
