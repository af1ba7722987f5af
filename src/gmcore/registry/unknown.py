"""Error text for unknown names."""

import difflib
from collections.abc import Mapping, Sequence

from gmcore.registry.discovery import EntryPoint
from gmcore.registry.entry import OBJECT, Entry, owner
from gmcore.registry.type_words import with_article

__all__ = ["unknown_name"]

_FIRST_PARTY = {
    "gmcore.backends": {"jax": "gm-jax-backend", "metal": "gm-metal-backend"},
    "gmcore.cross_validators": {"kfold": "gm-kfold-cv"},
    "gmcore.data_providers": {"csv": "gm-csv-data"},
    "gmcore.model_providers": {"mlp": "gm-mlp-model"},
}
_MAX_NAMES = 12


def unknown_name(
    name: str,
    *,
    kind: str,
    group: str,
    dtype: str,
    known: Mapping[str, Entry],
    elsewhere: Sequence[EntryPoint],
) -> str:
    """Return the error text for a name that a registry does not have.

    Args:
        name: the name that was looked up.
        kind: name of the registry's kind in messages.
        group: entry-point group of the registry.
        dtype: dtype of the registry; the entries in `elsewhere` are for the other one.
        known: the registry's entries, by name.
        elsewhere: entries of the same kind that support one dtype only.
    """
    if name.startswith(OBJECT):
        return (
            f"{name.removeprefix(OBJECT)} was given as an object in code, and its class is not registered as "
            f"{with_article(kind)}: register the class before you open the run"
        )
    short = name.rpartition("/")[2]
    for point in elsewhere:
        if point.name == short:
            other = point.group.rpartition(".")[2]
            return f"no {dtype} {kind} named {name!r}: {owner(point)} provides it for {other} only{_available(known)}"
    absent = {first_party: who for first_party, who in _FIRST_PARTY.get(group, {}).items() if first_party not in known}
    if name in absent:
        return f"no {kind} named {name!r} is installed: it is part of {absent[name]} (pip install {absent[name]})"
    owners = {first_party: f"pip install {who}" for first_party, who in absent.items()}
    owners |= {key: owner(entry.point) for key, entry in known.items()}
    if near := _nearest(name, owners) or _nearest(short, owners):
        return f"no {kind} named {name!r}: did you mean {near!r} ({owners[near]})?"
    if known:
        return f"no {kind} named {name!r}{_available(known)}"
    install = "".join(f"; {other!r} is part of {who} (pip install {who})" for other, who in absent.items())
    return f"no {kind} named {name!r}: none is installed{install}"


def _nearest(name: str, known: Mapping[str, object]) -> str:
    by_lower = {key.lower(): key for key in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else ""


def _available(known: Mapping[str, object]) -> str:
    names = [repr(key) for key in sorted(known)]
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f" (available: {', '.join(names[:_MAX_NAMES])}{more})" if names else " (none is available)"
