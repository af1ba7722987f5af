"""The converters of `structure` and `unstructure`: cattrs, configured to coerce nothing."""

import contextlib
import functools
import inspect
import numbers
import operator
import types
from collections.abc import Callable, Iterable, Mapping, MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

import attrs
from cattrs import Converter
from cattrs.errors import BaseValidationError, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from gmcore.errors import InputError, did_you_mean
from gmcore.registry.entry import recorded_name
from gmcore.registry.port_check import implements
from gmcore.registry.scalars import ImpossibleValueError, exact, number, path, whole
from gmcore.registry.type_words import MAPPINGS, SEQUENCES, UNIONS, expected, origin, with_article

if TYPE_CHECKING:  # those modules import this one
    from gmcore.registry.plugins import PluginRegistry
    from gmcore.registry.registry import Registry

__all__ = ["name_wanted", "structuring", "unstructuring"]

T = TypeVar("T")
Hook = Callable[[object, object], object]
"""A function of a value and its type, which returns the value structured to the type."""


@functools.lru_cache(maxsize=8)
def structuring(base: Path | None, plugins: "PluginRegistry | None") -> Converter:
    """Return the converter from plain values.

    Args:
        base: folder that relative paths start from.
        plugins: registries for the names of nested components; None for none.
    """
    converter = Converter(structure_fallback_factory=lambda _: _instance)
    converter.register_structure_hook(bool, exact)
    converter.register_structure_hook(str, exact)
    converter.register_structure_hook(int, whole)
    converter.register_structure_hook(float, number)
    converter.register_structure_hook(Path, functools.partial(path, base))
    for predicate, factory in (
        (_is_sequence, _sequence),
        (_is_mapping, _mapping),
        (_is_union, _union),
        (_is_attrs, _table),
    ):
        converter.register_structure_hook_factory(predicate, functools.partial(factory, converter))
    converter.register_structure_hook_func(_is_literal, _literal)
    if plugins is not None:
        for port, registry in plugins.by_port.items():
            converter.register_structure_hook_func(
                functools.partial(operator.is_, port), functools.partial(_component, converter, registry)
            )
    return converter


@functools.lru_cache(maxsize=8)
def unstructuring(plugins: "PluginRegistry | None") -> Converter:
    """Return the converter to plain values; components get their name in `plugins` under `use`."""
    converter = Converter(unstruct_collection_overrides={Sequence: list})
    if plugins is not None:
        converter.register_unstructure_hook_func(
            functools.partial(_is_bare_component, plugins),
            lambda component: {"use": recorded_name(type(component), plugins)},
        )
    converter.register_unstructure_hook_factory(_is_attrs, functools.partial(_table_of, converter, plugins))
    for kind, plain in ((numbers.Integral, int), (numbers.Real, float)):
        converter.register_unstructure_hook(kind, plain)
    converter.register_unstructure_hook(bool, bool)
    return converter


def _is_sequence(kind: object) -> bool:
    return origin(kind) in SEQUENCES


def _is_mapping(kind: object) -> bool:
    return origin(kind) in MAPPINGS


def _is_union(kind: object) -> bool:
    return origin(kind) in UNIONS


def _is_literal(kind: object) -> bool:
    return origin(kind) is Literal


def _is_attrs(kind: object) -> bool:
    return isinstance(kind, type) and attrs.has(kind)


def _structured(converter: Converter, value: object, kind: object) -> object:
    return converter.structure(value, cast("type[object]", kind))


def _table(converter: Converter, cls: type[attrs.AttrsInstance]) -> Hook:
    """Structure an attrs class; all fields, unknown keys and validators are checked before an error is raised."""
    attrs.resolve_types(cls)
    # Any, since mypy takes the values for those of make_dict_structure_fn's own keyword arguments, too.
    overrides: dict[str, Any] = {
        field.name: override(struct_hook=_checked(converter, cls, field))
        for field in attrs.fields(cls)
        if field.init and field.validator is not None and field.converter is None
    }
    overrides |= {
        field.name: override(struct_hook=_as(converter, field.metadata["accepts"]))
        for field in attrs.fields(cls)
        if "accepts" in field.metadata
    }
    inner = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_use_alias=True, **overrides)

    def structure_table(value: object, _: object) -> object:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise expected(cls, value)
        return inner(value, cls)

    return structure_table


def _as(converter: Converter, kind: object) -> Hook:
    return lambda value, _: _structured(converter, value, kind)


def _component(converter: Converter, registry: "Registry[object]", value: object, port: type) -> object:
    """Structure a nested component, given as a table with `use`, a name, or an object."""
    table = {"use": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        return _object(value, port)
    name = table.get("use")
    if not isinstance(name, str):
        raise _at("use", ValueError(name_wanted(table, registry)), port)
    try:
        kind = registry[name]
    except InputError as error:
        raise _at("use", ValueError(str(error)), port) from error
    options = {key: option for key, option in table.items() if key != "use"} | registry.bound
    if _is_attrs(kind):
        return _structured(converter, options, kind)
    if options:
        raise ValueError(f"{name!r} has no options, got {', '.join(options)}")
    return kind()


def name_wanted(table: Mapping[str, object], registry: "Registry[T]") -> str:
    """Return the message for a component's table without a name under `use`, or with something else there."""
    wanted = f"the name of {with_article(registry.kind)}{did_you_mean('', registry)}"
    return f"must be {wanted}, got {table['use']!r:.60}" if "use" in table else f"is required, {wanted}"


def _object(value: object, port: type) -> object:
    """Return a component that code gives as an object."""
    if isinstance(value, type):
        raise ValueError(f"must be an object, got the class {value.__name__}: create one of it")  # noqa: TRY004 - a problem of the options
    if implements(type(value), port):
        return value
    raise expected(port, value)


def _at(key: str, error: Exception, whole: type) -> IterableValidationError:
    """Return an error that contains another one and the key where it occurred."""
    error.__notes__ = [IterableValidationNote(f"at {key}", key, whole)]
    return IterableValidationError(f"in {whole}", [error], whole)


def _is_bare_component(plugins: "PluginRegistry", kind: object) -> bool:
    """Return whether a type is a component's class that is not an attrs class; ports and bases are none."""
    concrete = isinstance(kind, type) and not attrs.has(kind) and not inspect.isabstract(kind)
    return concrete and plugins.is_component(cast("type", kind))


def _table_of(
    converter: Converter, plugins: "PluginRegistry | None", cls: type[attrs.AttrsInstance]
) -> Callable[[object], dict[str, object]]:
    """Return the function that converts an attrs object to a table: its options, and a component's name under `use`.

    Options that are None by default are left out if they are None.
    """
    inner: Callable[[Any], dict[str, object]] = make_dict_unstructure_fn(cls, converter, _cattrs_use_alias=True)
    optional = {field.alias for field in attrs.fields(cls) if field.default is None}
    is_component = plugins is not None and plugins.is_component(cls)

    def table(component: object) -> dict[str, object]:
        options = {key: value for key, value in inner(component).items() if value is not None or key not in optional}
        if plugins is None or not is_component:
            return options
        return {"use": recorded_name(cls, plugins), **options}

    return table


def _checked(converter: Converter, cls: type, field: "attrs.Attribute[object]") -> Hook:
    validator = field.validator
    assert validator is not None  # noqa: S101 - only fields with a validator are overridden

    def structure_field(value: object, kind: object) -> object:
        structured = _structured(converter, value, kind)
        # A validator that reads other fields fails here; the constructor calls it again, with all fields set.
        with contextlib.suppress(AttributeError):
            validator(object.__new__(cls), field, structured)
        return structured

    return structure_field


def _sequence(converter: Converter, kind: object) -> Hook:
    arguments = get_args(kind) or (Any, ...)
    length = len(arguments) if origin(kind) is tuple and arguments[-1] is not ... else None
    make: Callable[[list[object]], object] = list if origin(kind) in {list, MutableSequence} else tuple

    def structure_sequence(value: object, _: object) -> object:
        if not isinstance(value, list | tuple):
            raise expected(kind, value)
        if length not in (None, len(value)):
            raise ValueError(f"must have {length} elements, got {len(value)}")
        kinds = arguments if length else [arguments[0]] * len(value)
        return make(_elements(converter, kind, zip(range(len(value)), value, kinds, strict=True)))

    return structure_sequence


def _mapping(converter: Converter, kind: object) -> Hook:
    key_kind, value_kind = get_args(kind) or (Any, Any)

    def structure_mapping(value: object, _: object) -> object:
        if not isinstance(value, Mapping):
            raise expected(kind, value)
        keys = _elements(converter, kind, ((str(key), key, key_kind) for key in value))
        values = _elements(converter, kind, ((str(key), value[key], value_kind) for key in value))
        return dict(zip(keys, values, strict=True))

    return structure_mapping


def _elements(
    converter: Converter, whole: object, elements: Iterable[tuple[int | str, object, object]]
) -> list[object]:
    """Structure the elements of `whole`, given as key, value and type; collect all errors, each with its key."""
    structured, errors = [], []
    for key, value, kind in elements:
        try:
            structured.append(_structured(converter, value, kind))
        except Exception as error:  # noqa: BLE001 - raised together, after all elements
            error.__notes__ = [*getattr(error, "__notes__", ()), IterableValidationNote(f"at {key}", key, kind)]
            errors.append(error)
    if errors:
        raise IterableValidationError(f"in {whole}", errors, cast("type", whole))
    return structured


def _union(converter: Converter, kind: object) -> Hook:
    members = [member for member in get_args(kind) if member is not types.NoneType]

    def structure_union(value: object, _: object) -> object:
        # A value that has a member's type keeps it: 3 is an int in `float | int`.
        if (value is None and len(members) < len(get_args(kind))) or type(value) in members:
            return value
        errors: list[Exception] = []
        for member in members:
            try:
                return _structured(converter, value, member)
            except (ValueError, BaseValidationError) as error:
                errors.append(error)
        if len(members) > 1:
            # Errors within a value show which member was meant: a table for a class, a list for a tuple.
            errors = [error for error in errors if isinstance(error, BaseValidationError | ImpossibleValueError)]
        raise errors[0] if len(errors) == 1 else expected(kind, value)

    return structure_union


def _literal(value: object, kind: object) -> object:
    for choice in get_args(kind):
        if type(value) is type(choice) and value == choice:
            return value
    raise expected(kind, value)


def _instance(value: object, kind: object) -> object:
    """Accept an object of a class that has no plain form, such as an array."""
    try:
        fits = isinstance(value, cast("type", origin(kind)))
    except TypeError:  # a type without isinstance, such as a Protocol that is not runtime-checkable
        return value
    if fits:
        return value
    raise expected(kind, value)
