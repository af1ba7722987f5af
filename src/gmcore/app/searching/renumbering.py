"""Hooks that count the members of a search through, which each of its fits counts by folds."""

from collections.abc import Callable
from typing import Any

import attrs

from gmcore.domain import Hooks, MemberFailed

__all__ = ["counted_through"]

_TOLD = ("fit_start", "epoch_start", "batch_end", "epoch_end", "fit_end")


def counted_through(hooks: Hooks, first: int) -> Hooks:
    """Return hooks for one fleet, whose listeners hear its members by their places in the fleet, from `first` on.

    In a search the members of several trials have one fold's index, since their randomness is that fold's.
    """
    chunk = _Chunk(upcoming=first)
    wrapped = {name: tuple(map(chunk.told, getattr(hooks, name))) for name in _TOLD}
    wrapped["member_failed"] = tuple(map(chunk.told_of_one, hooks.member_failed))
    if any(wrapped.values()):
        wrapped["fit_start"] = (chunk.begin, *wrapped["fit_start"])
    return attrs.evolve(hooks, **wrapped)


@attrs.define(eq=False)
class _Chunk:
    """Which members are being trained: chunks come one after the other."""

    upcoming: int
    members: tuple[int, ...] = ()

    def begin(self, context: Any) -> None:
        self.members = tuple(range(self.upcoming, self.upcoming + len(context.members)))
        self.upcoming += len(context.members)

    def told(self, call: Callable[[Any], object]) -> Callable[[Any], object]:
        return lambda context: call(attrs.evolve(context, members=self.members))

    def told_of_one(self, call: Callable[[MemberFailed], object]) -> Callable[[MemberFailed], object]:
        return lambda context: call(attrs.evolve(context, member=self.members[context.place]))
