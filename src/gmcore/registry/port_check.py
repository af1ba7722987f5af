"""A check that a component implements a port: a class with the port's methods, which accept the port's arguments."""

import inspect
from collections.abc import Collection, Iterator

from gmcore.registry.kinds import KINDS, ports

__all__ = ["implements", "port_problem"]


def implements(component: type, port: type) -> bool:
    """Return whether a class has the methods of a port, and they accept the port's arguments."""
    return all(
        _has(component, name) and next(_signature_problems(component, port, name), None) is None
        for name in _methods(port)
    )


def port_problem(component: object, kind: str) -> str:
    """Return why a component does not implement the port of its kind, as the end of a sentence; empty if it does.

    Args:
        component: the object that an entry point refers to, or that is registered in code.
        kind: a key of `KINDS`; a kind without a port accepts every object.
    """
    if kind not in KINDS or not KINDS[kind].port:
        return ""
    if not isinstance(component, type):
        return f"is not a class: {component!r:.60}"
    problems = list(_problems(component, ports()[kind]))
    if not problems and (missing := getattr(component, "__abstractmethods__", ())):
        return f"is abstract: it lacks {', '.join(sorted(missing))}"
    if not problems:
        return _options_problem(component)
    others = [other for other, port in ports().items() if other != kind and implements(component, port)]
    hint = f"; it implements {ports()[others[0]].__name__}: use the group gmcore.{others[0]}" if others else ""
    return f"does not implement {KINDS[kind].port}: {'; '.join(problems)}{hint}"


def _options_problem(component: type) -> str:
    """Return why the options of a component could not be checked and recorded, which takes an attrs class."""
    import attrs  # noqa: PLC0415 - slow to import, and listing plugins imports this file

    if attrs.has(component):
        return ""
    try:
        parameters = inspect.signature(component).parameters.values()
    except ValueError:  # a builtin without a signature
        return ""
    # A class without a constructor inherits that of the port's Protocol, which takes any arguments and reads none.
    options = [one.name for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if not options:
        return ""
    return f"has options ({', '.join(options)}) and is not an attrs class, which records need: use attrs.frozen"


def _methods(port: type) -> list[str]:
    return sorted(port.__abstractmethods__)  # type: ignore[attr-defined] # every port is abstract


def _has(component: type, name: str) -> bool:
    present = inspect.getattr_static(component, name, None) is not None
    return present and name not in getattr(component, "__abstractmethods__", ())


def _problems(component: type, port: type) -> Iterator[str]:
    """Yield all problems, each with its hint; `implements` answers without looking for hints, which is slow."""
    for name in _methods(port):
        if _has(component, name):
            yield from _signature_problems(component, port, name)
        else:
            yield f"it has no {name!r}{_near(name, set(dir(component)) - set(dir(port)))}"


def _near(name: str, names: Collection[str]) -> str:
    import difflib  # noqa: PLC0415 - used for errors only, and listing plugins imports this file

    near = difflib.get_close_matches(name, names, n=1)
    return f" (it has {near[0]!r})" if near else ""


def _signature_problems(component: type, port: type, name: str) -> Iterator[str]:
    """Yield why a method does not accept the arguments of the port's method; no attribute that is not a method."""
    found = inspect.getattr_static(component, name)
    if not (inspect.isfunction(found) or isinstance(found, classmethod | staticmethod)):
        return
    declared = inspect.getattr_static(port, name)
    if isinstance(declared, property):
        yield f"{name!r} must be a property or an attribute, not a method"
        return
    bound = isinstance(declared, classmethod | staticmethod)
    parameters = list(inspect.signature(getattr(port, name)).parameters.values())[0 if bound else 1 :]
    positional = [None for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    keywords = {one.name: None for one in parameters if one.kind is one.KEYWORD_ONLY}
    own = isinstance(found, classmethod | staticmethod)
    try:
        inspect.signature(getattr(component, name)).bind(*positional, *([] if own else [None]), **keywords)
    except (TypeError, ValueError) as error:
        names = ", ".join(one.name for one in parameters)
        yield f"{name}({names}) can't be called: {error}"
