"""Options to components: what a run file says becomes an attrs object, checked strictly, and back."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)

from gmcore.errors import ConfigError, GmcoreError, did_you_mean
from gmcore.registry.strict import structuring, unstructuring

__all__ = ["call", "structure", "unstructure"]

T = TypeVar("T")


def structure(options: Mapping[str, object], cls: type[T], *, path: str = "", base: Path | None = None) -> T:
    """Return an attrs class's object with these options.

    Nothing is coerced but whole numbers to floats, lists to tuples and text to paths; what is of
    the wanted type already, such as a nested object, is taken as it is. Fields with `init=False`
    are no options.

    Args:
        options: by name, as TOML gives them.
        cls: an attrs class.
        path: where the options stand in the run file, such as `"model"`; the problems start with it.
        base: the folder that relative paths start from; None leaves them as they are.

    Raises:
        ConfigError: with a line for every problem: unknown and absent options, wrong types, and what
            the class's own validators say.
    """
    if inspect.isabstract(cls):
        raise TypeError(f"{cls.__qualname__} lacks the methods {', '.join(sorted(vars(cls)['__abstractmethods__']))}")
    try:
        made: T = structuring(base).structure(options, cls)
    except (BaseValidationError, ValueError) as error:
        raise ConfigError(_problems(error, path)) from error
    return made


def unstructure(component: Any) -> dict[str, Any]:
    """Return an attrs object's options, as plain values that TOML and JSON can say.

    Tuples become lists and paths text. An option that is None where that is the default is left
    out, since TOML has no None. `structure` makes an equal object of the rest.
    """
    options: dict[str, Any] = unstructuring().unstructure(component)
    return options


def call(
    factory: Any,
    options: Mapping[str, object],
    *,
    bound: Mapping[str, object],
    path: str = "",
    base: Path | None = None,
) -> Any:
    """Return what a registry's factory makes of these options; see `Registry.build`."""
    clashes = [key for key, value in bound.items() if options.get(key, value) != value]
    if clashes:
        raise ConfigError(f"{_join(path, key)}: is {bound[key]!r} here, got {options[key]!r}" for key in clashes)
    if not callable(factory):
        if options:
            raise ConfigError(f"{_join(path, key)}: unknown key, there are no options" for key in options)
        return factory
    given = {**options, **bound}
    if isinstance(factory, type) and attrs.has(factory):
        return structure(given, factory, path=path, base=base)
    _check_arguments(factory, given, path)
    return factory(**given)


def _check_arguments(factory: Callable[..., Any], options: Mapping[str, object], path: str) -> None:
    try:
        inspect.signature(factory).bind(**options)
    except TypeError as error:
        raise ConfigError([f"{path}: {error}" if path else str(error)]) from error
    except ValueError:  # a builtin without a signature: it checks for itself
        return


def _problems(error: BaseException, path: str) -> Iterator[str]:
    """Yield a line for every leaf of cattrs' tree of errors."""
    if isinstance(error, BaseValidationError):
        for child in error.exceptions:
            yield from _problems(child, _path_of(child, error.cl, path))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.alias for field in attrs.fields(error.cl) if field.init]
        for key in sorted(map(str, error.extra_fields)):
            yield f"{_join(path, key)}: unknown key{did_you_mean(key, known)}"
    elif isinstance(error, GmcoreError) and not isinstance(error, ConfigError):
        raise error
    elif isinstance(error, KeyError):
        yield f"{path}: is required"
    elif isinstance(error, ValueError | TypeError):
        yield f"{path}: {_text(error, path)}" if path else _text(error, path)
    else:
        raise error  # not about the options: a mistake in the class


def _path_of(error: BaseException, parent: Any, path: str) -> str:
    """Return where in `parent` an error was, by the note that cattrs left on it."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return _join(path, attrs.fields_dict(parent)[note.name].alias)
        if isinstance(note, IterableValidationNote):
            return f"{path}[{note.index}]" if isinstance(note.index, int) else _join(path, note.index)
    return path


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _text(error: BaseException, path: str) -> str:
    """Return an error's sentence without the field's name in front: the path says it."""
    # attrs puts the sentence first and what it knows else behind it.
    text = str(error.args[0]) if error.args else type(error).__name__
    name = path.rpartition(".")[2]
    text = text.removeprefix(f"'{name}' ").removeprefix(f"{name} ")
    return re.sub(r"^(must be [<>]=? [^:]+): ", r"\1, got ", text)
