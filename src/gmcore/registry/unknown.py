"""What to say to a name that nobody has."""

import difflib
from collections.abc import Mapping, Sequence

from gmcore.registry.discovery import EntryPoint
from gmcore.registry.entry import Entry, owner

__all__ = ["unknown_name"]

_FIRST_PARTY = {
    "gmcore.backends": {"jax": "gm-jax-backend", "metal": "gm-metal-backend"},
    "gmcore.cross_validators": {"kfold": "gm-kfold-cv"},
    "gmcore.data_providers": {"csv": "gm-csv-data"},
    "gmcore.model_providers": {"mlp": "gm-mlp-model"},
}
_A_LINE = 12


def unknown_name(
    name: str, kind: str, group: str, dtype: str, known: Mapping[str, Entry], elsewhere: Sequence[EntryPoint]
) -> str:
    """Return the sentence: what was asked, what there is, what to do.

    Args:
        name: what was asked.
        kind: of what.
        group: the entry-point group where it was looked for.
        dtype: the registry's; names in `elsewhere` are for another.
        known: what there is.
        elsewhere: entries of the same port that are for one dtype alone.
    """
    short = name.rpartition("/")[2]
    for point in elsewhere:
        if point.name == short:
            other = point.group.rpartition(".")[2]
            return f"no {dtype} {kind} named {name!r}: {owner(point)} has it for {other} alone{_choice(known)}"
    away = {late: who for late, who in _FIRST_PARTY.get(group, {}).items() if late not in known}
    if name in away:
        return f"no {kind} named {name!r} is installed: it comes with {away[name]} (pip install {away[name]})"
    owners = {late: f"pip install {who}" for late, who in away.items()}
    owners |= {key: owner(entry.point) for key, entry in known.items()}
    if near := _nearest(name, owners) or _nearest(short, owners):
        return f"no {kind} named {name!r}: did you mean {near!r} ({owners[near]})?"
    if known:
        return f"no {kind} named {name!r}{_choice(known)}"
    install = "".join(f"; {late!r} comes with {who} (pip install {who})" for late, who in away.items())
    return f"no {kind} named {name!r}: none is installed{install}"


def _nearest(name: str, known: Mapping[str, object]) -> str:
    by_lower = {key.lower(): key for key in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else ""


def _choice(known: Mapping[str, object]) -> str:
    names = [repr(key) for key in sorted(known)]
    more = f" and {len(names) - _A_LINE} more" if len(names) > _A_LINE else ""
    return f": there is {', '.join(names[:_A_LINE])}{more}" if names else ": there is none"
