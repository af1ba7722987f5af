"""Conversion of options to attrs objects, checked strictly, and back."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import attrs
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)

from gmcore.errors import ConfigError, GmcoreError, PluginLoadError, did_you_mean
from gmcore.registry.strict import structuring, unstructuring

if TYPE_CHECKING:  # that module imports this one
    from gmcore.registry.plugins import PluginRegistry

__all__ = ["call", "structure", "unstructure"]

T = TypeVar("T")

_DEEPEST = 64


def structure(
    options: Mapping[str, object],
    cls: type[T],
    *,
    path: str = "",
    base: Path | None = None,
    plugins: "PluginRegistry | None" = None,
) -> T:
    """Return an instance of an attrs class, created from options.

    Nothing is coerced except whole numbers to floats, lists to tuples and text to paths. A value that already has the
    type of its field, such as a nested object, is used as it is. Fields with `init=False` are not options. A field
    with a converter can accept more than its type: `"accepts"` in its metadata is the type to read.

    Args:
        options: values by name, as TOML gives them.
        cls: an attrs class.
        path: path of the options in the run file, such as `"model"`; every problem starts with it.
        base: folder that relative paths start from; None leaves them unchanged.
        plugins: registries for nested components: a field whose type is a port takes a name, a table with `use`, or
            an object.

    Raises:
        ConfigError: with one line per problem: unknown and missing options, wrong types, and values that the
            validators of the class reject.
    """
    if inspect.isabstract(cls):
        raise TypeError(f"{cls.__qualname__} lacks the methods {', '.join(sorted(vars(cls)['__abstractmethods__']))}")
    _check_depth(options, path)
    try:
        return structuring(base, plugins).structure(options, cls)
    except (BaseValidationError, ValueError) as error:
        raise ConfigError(_problems(error, path)) from error


def _check_depth(options: Mapping[str, object], path: str) -> None:
    """Raise if tables and lists are nested deeper than any component is, as in a table that contains itself."""
    level: list[Iterable[object]] = [[options]]
    for _ in range(_DEEPEST):
        nested = [child for values in level for child in values if isinstance(child, Mapping | list | tuple)]
        level = [child.values() if isinstance(child, Mapping) else child for child in nested]
        if not level:
            return
    raise ConfigError([f"{path or 'the options'}: tables are nested more than {_DEEPEST} deep"])


def unstructure(component: object, plugins: "PluginRegistry | None" = None) -> dict[str, object]:
    """Return the options of an attrs object, as plain values that TOML and JSON can represent.

    Tuples become lists and paths text. An option that is None by default is left out if it is None, since TOML has no
    None. `structure` creates an equal object from the result.

    Args:
        component: the object.
        plugins: registries in which the names of components are looked up, for the key `use`. A component whose class
            is not registered gets `"object"` and the path of the class, a name that no registry finds.
    """
    options: dict[str, object] = unstructuring(plugins).unstructure(component)
    return options


def call(
    factory: object,
    options: Mapping[str, object],
    *,
    who: str,
    bound: Mapping[str, object],
    path: str = "",
    base: Path | None = None,
    plugins: "PluginRegistry | None" = None,
) -> object:
    """Return the component that a registry's factory creates from options; see `Registry.build`.

    Args:
        factory: the factory.
        options: the component's options.
        who: the component and its distribution, for errors.
        bound: options that the registry sets.
        path: path of the options in the run file, for errors.
        base: folder that relative paths start from.
        plugins: registries for nested components.
    """
    try:
        return _called(factory, options, bound=bound, path=path, base=base, plugins=plugins)
    except (GmcoreError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginLoadError(f"{who} can't be created: {type(error).__name__}: {error}".rstrip(": ")) from error


def _called(
    factory: object,
    options: Mapping[str, object],
    *,
    bound: Mapping[str, object],
    path: str,
    base: Path | None,
    plugins: "PluginRegistry | None",
) -> object:
    clashes = [key for key, value in bound.items() if options.get(key, value) != value]
    if clashes:
        raise ConfigError(f"{_join(path, key)}: must be {bound[key]!r}, got {options[key]!r}" for key in clashes)
    if not callable(factory):
        if options:
            raise ConfigError(f"{_join(path, key)}: unknown key, this component has no options" for key in options)
        return factory
    given = {**options, **bound}
    if isinstance(factory, type) and attrs.has(factory):
        return structure(given, factory, path=path, base=base, plugins=plugins)
    _check_arguments(factory, given, path)
    return factory(**given)


def _check_arguments(factory: Callable[..., object], options: Mapping[str, object], path: str) -> None:
    try:
        inspect.signature(factory).bind(**options)
    except TypeError as error:
        raise ConfigError([f"{path}: {error}" if path else str(error)]) from error
    except ValueError:  # a builtin without a signature checks its own arguments
        return


def _problems(error: BaseException, path: str) -> Iterator[str]:
    """Yield one line per leaf of cattrs' tree of errors."""
    if isinstance(error, BaseValidationError):
        for child in error.exceptions:
            yield from _problems(child, _path_of(child, error.cl, path))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.alias for field in attrs.fields(error.cl) if field.init]
        for key in sorted(map(str, error.extra_fields)):
            yield f"{_join(path, key)}: unknown key{did_you_mean(key, known)}"
    elif isinstance(error, GmcoreError) and not isinstance(error, ConfigError):
        raise error
    elif isinstance(error, KeyError) and error.args == (path.rpartition(".")[2],):
        yield f"{path}: is required"
    elif isinstance(error, ValueError | TypeError):
        yield f"{path}: {_text(error, path)}" if path else _text(error, path)
    else:
        raise error  # a bug in the class, not a problem of the options


def _path_of(error: BaseException, parent: object, path: str) -> str:
    """Return the path of an error within `parent`, a type, from the note that cattrs added to it."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return _join(path, attrs.fields_dict(cast("type[attrs.AttrsInstance]", parent))[note.name].alias)
        if isinstance(note, IterableValidationNote):
            return f"{path}[{note.index}]" if isinstance(note.index, int) else _join(path, note.index)
    return path


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _text(error: BaseException, path: str) -> str:
    """Return the message of an error without the name of the field, which the path already contains."""
    # The errors of attrs' validators have the message as first argument, and details after it.
    text = str(error.args[0]) if error.args else type(error).__name__
    name = path.rpartition(".")[2]
    text = text.removeprefix(f"'{name}' ").removeprefix(f"{name} ")
    return re.sub(r"^(must be [<>]=? [^:]+): ", r"\1, got ", text)
